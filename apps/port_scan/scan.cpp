// SPDX-License-Identifier: BSL-1.0
#include "port_scan/scan.hpp"

#include "common/program.hpp"

#include <hawser/connect.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <initializer_list>
#include <list>
#include <utility>

namespace app {
namespace {

using std::chrono::steady_clock;

constexpr auto as_result = boost::asio::as_tuple(boost::asio::deferred);

bool is_one_of(const hawser::error_code& error, std::initializer_list<int> numbers)
{
    return error.category() == boost::system::system_category() && std::ranges::count(numbers, error.value()) != 0;
}

// What an error tells of the port; one that tells of this host instead is thrown.
port_state state_of(const hawser::endpoint& where, const hawser::error_code& error)
{
    if (is_one_of(error, {ECONNREFUSED, ECONNRESET}))
        return port_state::closed;
    if (error == hawser::errc::connect_timeout || is_one_of(error, {ETIMEDOUT}))
        return port_state::filtered;
    if (is_one_of(error, {EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, EACCES, EPERM, ENOPROTOOPT, EPROTO}))
        return port_state::unreachable;
    throw failure{where.to_string() + ": " + hawser::symbol(error) + " (" + error.message() + ')'};
}

class scanner
{
public:
    explicit scanner(const scan_plan& plan) : plan_{plan}, results_(plan.ports.size()) {}

    hawser::awaitable<void> run()
    {
        const auto executor = co_await boost::asio::this_coro::executor;
        boost::asio::steady_timer ended{executor, steady_clock::time_point::max()};
        running_ = std::min(plan_.parallel, plan_.ports.size());
        for (std::size_t i = running_; i > 0; --i) {
            boost::asio::steady_timer& turn = turns_.emplace_back(executor);
            boost::asio::co_spawn(executor, work(turn), [this, &ended](std::exception_ptr error) {
                if (error != nullptr)
                    give_up(std::move(error));
                if (--running_ == 0)
                    ended.cancel();
            });
        }
        if (running_ > 0)
            co_await ended.async_wait(as_result);
        if (error_ != nullptr)
            std::rethrow_exception(std::exchange(error_, nullptr));
    }

    std::vector<port_result>& results() noexcept { return results_; }

private:
    // Takes one port after the other, each when its turn has come: the n-th begins n / rate seconds after the first.
    hawser::awaitable<void> work(boost::asio::steady_timer& turn)
    {
        while (next_ < plan_.ports.size()) {
            const std::size_t n = next_++;
            turn.expires_at(begun_ + std::chrono::nanoseconds{std::nano::den} * n / plan_.rate);
            if (turn.expiry() > steady_clock::now())
                co_await turn.async_wait(as_result);
            if (error_ != nullptr)
                co_return;
            results_[n] = co_await probe(plan_.ports[n]);
            plan_.port_done();
        }
    }

    void give_up(std::exception_ptr error)
    {
        error_ = std::move(error);
        next_ = plan_.ports.size();
        for (boost::asio::steady_timer& turn : turns_)
            turn.cancel();
    }

    hawser::awaitable<port_result> probe(std::uint16_t port)
    {
        const auto where = hawser::endpoint::tcp(plan_.address, port);
        hawser::connect_options options;
        options.connect_timeout = plan_.timeout;
        options.source = plan_.source;
        auto connected = co_await hawser::try_connect(where, options);
        port_result result{.port = port, .error = {}};
        if (!connected) {
            result.error = connected.error();
            result.state = state_of(where, result.error);
            co_return result;
        }
        // The kernel may choose the very port that it is to connect to, and then the socket meets itself: a free port,
        // for one that somebody listens on is not chosen.
        const hawser::endpoint from = connected->local_endpoint();
        const bool itself = from == connected->peer_endpoint();
        connected->reset();
        if (itself) {
            result.error = {ECONNREFUSED, boost::system::system_category()};
            co_return result;
        }
        result.state = port_state::open;
        plan_.connected(from, where);
        co_return result;
    }

    const scan_plan& plan_;
    const steady_clock::time_point begun_ = steady_clock::now();
    std::vector<port_result> results_;
    std::list<boost::asio::steady_timer> turns_;
    std::size_t next_ = 0;
    std::size_t running_ = 0;
    std::exception_ptr error_;
};

} // namespace

hawser::awaitable<std::vector<port_result>> scan(const scan_plan& plan)
{
    scanner all{plan};
    co_await all.run();
    co_return std::move(all.results());
}

} // namespace app
