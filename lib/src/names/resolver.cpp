// SPDX-License-Identifier: BSL-1.0
#include "names/resolver.hpp"

#include "loop/expiry.hpp"
#include "values/scope_exit.hpp"

#include <netdb.h>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

namespace hawser::inline v0_1::detail {
namespace {

error_code look_up(const std::string& host, std::uint16_t port, address_list& found)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    if (const int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list); failure != 0)
        return resolver_error(failure);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned{list, ::freeaddrinfo};
    for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
        found.emplace_back();
        std::memcpy(&found.back().first, a->ai_addr, a->ai_addrlen);
        found.back().second = a->ai_addrlen;
    }
    return {};
}

error_code work(lookup& l) noexcept
{
    try {
        return l.work();
    } catch (...) { // only memory can run out
        return {ENOMEM, boost::system::system_category()};
    }
}

// Never destroyed: its threads may be inside getaddrinfo when the process exits.
class pool
{
public:
    bool add(std::shared_ptr<lookup> l)
    {
        const std::lock_guard lock{mutex_};
        if (queue_.size() >= resolver_queue)
            std::erase_if(queue_, [](const auto& waits) { return waits->abandoned.load(); });
        if (queue_.size() >= resolver_queue)
            return false;
        queue_.push_back(std::move(l));
        // A thread that was woken for an earlier look-up may still count as idle.
        if (queue_.size() > idle_ && threads_ < resolver_threads && !add_thread() && threads_ == 0) {
            queue_.pop_back();
            return false;
        }
        ready_.notify_one();
        return true;
    }

private:
    bool add_thread()
    {
        try {
            std::thread{[this] { serve(); }}.detach();
        } catch (const std::system_error&) { // the kernel gives none now
            return false;
        }
        ++threads_;
        return true;
    }

    [[noreturn]] void serve()
    {
        for (;;) {
            std::unique_lock lock{mutex_};
            ++idle_;
            ready_.wait(lock, [this] { return !queue_.empty(); });
            --idle_;
            const std::shared_ptr<lookup> l = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            if (l->abandoned)
                continue;
            l->error = work(*l);
            if (l->on != nullptr)
                l->on->ask(*l, l);
        }
    }

    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::shared_ptr<lookup>> queue_;
    std::size_t threads_ = 0;
    std::size_t idle_ = 0;
};

} // namespace

void lookup::called()
{
    done = true;
    if (node != nullptr && node->is_linked())
        node->end();
}

bool start_lookup(std::shared_ptr<lookup> l)
{
    static pool& shared = *new pool;
    return shared.add(std::move(l));
}

awaitable<void> finish_lookup(std::shared_ptr<lookup> l, duration deadline)
{
    const auto executor = co_await boost::asio::this_coro::executor;
    loop& on = loop_of(executor);
    l->on = on.shared_from_this();
    if (!start_lookup(l))
        throw hawser::error{errc::resolver_busy};
    waiting node;
    const scope_exit over{[&l] {
        l->node = nullptr;
        l->abandoned = true;
    }};
    l->node = &node;
    const expiry late{on, deadline, [&node] {
                          if (node.is_linked())
                              node.end();
                      }};
    co_await on.lookups->wait(node, on);
    node.check();
    if (!l->done)
        throw hawser::error{errc::lookup_timeout};
    if (l->error)
        throw hawser::error{l->error};
}

std::shared_ptr<lookup_of<address_list>> lookup_to_connect(std::string host, std::uint16_t port)
{
    return std::make_shared<lookup_of<address_list>>(
        [h = std::move(host), port](address_list& found) { return look_up(h, port, found); });
}

error_code resolver_error(int value)
{
    if (value == EAI_SYSTEM)
        return {errno, boost::system::system_category()};
    return {value, boost::asio::error::get_addrinfo_category()};
}

std::string meaning(const error_code& e)
{
    return e.category() == boost::asio::error::get_addrinfo_category() ? ::gai_strerror(e.value()) : e.message();
}

} // namespace hawser::inline v0_1::detail
