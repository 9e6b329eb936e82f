// SPDX-License-Identifier: BSL-1.0

// A server of one loop that echoes, and looks names up for whoever asks:
//
//     look up N NAME      a frame: N look-ups of the name begin at once
//
//     found 2 0.7 1.9     the answer, when all have ended: how, a symbol or "found", how many, and the shortest and
//                         the longest in milliseconds; a line for each
//
// It prints `listening on ENDPOINT`, and drains at SIGTERM like every server.
#include <hawser/names.hpp>
#include <hawser/server.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

using hawser::awaitable;
namespace asio = boost::asio;
using std::chrono::steady_clock;

constexpr std::string_view request = "look up ";
constexpr unsigned begun_together = 16; // then the loop looks after the others

struct outcome {
    unsigned number = 0;
    double shortest = 1e9;
    double longest = 0;
};

// Look-ups that were asked for together.
class lookups
{
public:
    explicit lookups(const asio::any_io_executor& on) : all_ended_{on, steady_clock::time_point::max()} {}

    awaitable<void> one(std::string name)
    {
        const auto begun = steady_clock::now();
        std::string how = "found";
        try {
            const hawser::address_query query{.host = std::move(name)};
            static_cast<void>(co_await hawser::resolve(query));
        } catch (const hawser::system_error& e) {
            how = hawser::symbol(e.code());
        }
        const double took = std::chrono::duration<double, std::milli>(steady_clock::now() - begun).count();
        outcome& o = outcomes_[how];
        ++o.number;
        o.shortest = std::min(o.shortest, took);
        o.longest = std::max(o.longest, took);
    }

    void begin() { ++running_; }
    void end()
    {
        if (--running_ == 0)
            all_ended_.cancel();
    }

    awaitable<void> wait()
    {
        while (running_ > 0)
            co_await all_ended_.async_wait(asio::as_tuple(asio::deferred));
    }

    std::string report() const
    {
        std::string text;
        for (const auto& [how, o] : outcomes_) {
            char line[128];
            std::snprintf(line, sizeof line, "%s %u %.1f %.1f\n", how.c_str(), o.number, o.shortest, o.longest);
            text += line;
        }
        return text;
    }

private:
    asio::steady_timer all_ended_;
    std::map<std::string, outcome> outcomes_;
    unsigned running_ = 0;
};

awaitable<std::string> look_up(unsigned number, std::string name)
{
    const auto executor = co_await asio::this_coro::executor;
    const auto all = std::make_shared<lookups>(executor);
    for (unsigned i = 1; i <= number; ++i) {
        all->begin();
        asio::co_spawn(executor, all->one(name), [all](std::exception_ptr) { all->end(); });
        if (i % begun_together == 0)
            co_await asio::post(asio::deferred);
    }
    co_await all->wait();
    co_return all->report();
}

awaitable<void> answer(hawser::connection& peer)
{
    while (const auto frame = co_await peer.read_frame()) {
        std::string text{*frame};
        if (text.starts_with(request)) {
            std::size_t digits = 0;
            text.erase(0, request.size());
            const auto number = static_cast<unsigned>(std::stoul(text, &digits));
            text.erase(0, digits + 1);
            text = co_await look_up(number, std::move(text));
        }
        co_await peer.write_frame(text);
    }
}

} // namespace

int main(int count, char** arguments)
{
    try {
        hawser::runtime runtime{{.loops = 1, .blocked_after = hawser::never}};
        hawser::server server{runtime};
        server.listen(count > 1 ? arguments[1] : "tcp://127.0.0.1:0", answer);
        std::printf("listening on %s\n", server.endpoints().front().to_string().c_str());
        std::fflush(stdout);
        return hawser::run(runtime, server);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "lookups_server: %s\n", e.what());
        return 2;
    }
}
