#include "resolver.hpp"

#include <netdb.h>

#include <boost/asio/error.hpp>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

namespace hawser::detail {
namespace {

error_code resolver_error(int value)
{
    if (value == EAI_SYSTEM)
        return {errno, boost::system::system_category()};
    return {value, boost::asio::error::get_addrinfo_category()};
}

void look_up(const std::string& host, std::uint16_t port, address_list& found, error_code& error)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    if (const int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list); failure != 0) {
        error = resolver_error(failure);
        return;
    }
    for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
        found.emplace_back();
        std::memcpy(&found.back().first, a->ai_addr, a->ai_addrlen);
        found.back().second = a->ai_addrlen;
    }
    ::freeaddrinfo(list);
}

// Never destroyed: its threads may be inside getaddrinfo when the process exits.
class pool
{
public:
    bool add(std::shared_ptr<lookup> l)
    {
        const std::lock_guard lock{mutex_};
        if (queue_.size() >= resolver_queue)
            return false;
        queue_.push_back(std::move(l));
        if (idle_ == 0 && threads_ < resolver_threads) {
            std::thread{[this] { work(); }}.detach();
            ++threads_;
        }
        ready_.notify_one();
        return true;
    }

private:
    [[noreturn]] void work()
    {
        for (;;) {
            std::unique_lock lock{mutex_};
            ++idle_;
            ready_.wait(lock, [this] { return !queue_.empty(); });
            --idle_;
            const std::shared_ptr<lookup> l = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            address_list found;
            error_code error;
            look_up(l->host, l->port, found, error);
            l->on->post([l, found = std::move(found), error]() mutable {
                l->done = true;
                l->found = std::move(found);
                l->error = error;
                if (l->node != nullptr && l->node->is_linked())
                    l->node->end();
            });
        }
    }

    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::shared_ptr<lookup>> queue_;
    std::size_t threads_ = 0;
    std::size_t idle_ = 0;
};

} // namespace

bool resolve(std::shared_ptr<lookup> l)
{
    static pool& shared = *new pool;
    return shared.add(std::move(l));
}

} // namespace hawser::detail
