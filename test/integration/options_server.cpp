// SPDX-License-Identifier: BSL-1.0

// A server whose deadlines, limits and misbehaviour the tests choose, for what no program has an option:
//
//     options_server HANDLER [NAME=VALUE...]       times in milliseconds
//
//     frame, write, idle, drain, blocked    deadlines            high, low    marks, in bytes
//     loops                                 threads              data         bytes a connection may receive
//
// It prints `listening on ENDPOINT`, drains at SIGTERM like every server, and says `live N` when it has drained.
#include <hawser/server.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <new>
#include <stdexcept>
#include <string>

namespace {

using hawser::awaitable;
using hawser::connection;
namespace asio = boost::asio;

constexpr std::chrono::milliseconds shortly{20};
constexpr std::chrono::seconds one_second{1};
constexpr std::chrono::hours one_day{24};

awaitable<void> rest(std::chrono::milliseconds length)
{
    asio::steady_timer timer{co_await asio::this_coro::executor, length};
    co_await timer.async_wait(asio::use_awaitable);
}

awaitable<void> echo(connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

awaitable<void> echo_batches(connection& peer)
{
    while (auto batch = co_await peer.read_frames())
        co_await peer.write_frames(*batch);
}

// Answers, and sleeps before it reads on.
awaitable<void> answer_then_rest(connection& peer)
{
    while (auto frame = co_await peer.read_frame()) {
        co_await peer.write_frame(*frame);
        co_await rest(one_second);
    }
}

// The other way round.
awaitable<void> rest_then_answer(connection& peer)
{
    while (auto frame = co_await peer.read_frame()) {
        const std::string kept{*frame};
        co_await rest(shortly);
        co_await peer.write_frame(kept);
    }
}

// Suspended for good after its first frame, and at the mercy of cancellation.
awaitable<void> wait_for_ever(connection& peer)
{
    if (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
    co_await rest(one_day);
}

// The same, but cancellation does not impress it.
awaitable<void> ignore_the_end(connection& peer)
{
    if (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
    co_await asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        co_await asio::this_coro::reset_cancellation_state();
        try {
            co_await rest(one_day);
        } catch (const boost::system::system_error&) {
        }
    }
}

// Never suspends again after its first frame.
awaitable<void> spin(connection& peer)
{
    const auto frame = co_await peer.read_frame();
    if (!frame)
        co_return;
    co_await peer.write_frame(*frame);
    co_await peer.flush();
    for (std::atomic<unsigned> turns{0};;)
        turns.fetch_add(1);
}

// Keeps its loop for 300 ms at each frame.
awaitable<void> block(connection& peer)
{
    while (auto frame = co_await peer.read_frame()) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{300};
        while (std::chrono::steady_clock::now() < until) {
        }
        co_await peer.write_frame(*frame);
    }
}

// Each frame says what to throw.
awaitable<void> raise(connection& peer)
{
    while (auto frame = co_await peer.read_frame()) {
        if (*frame == "std")
            throw std::runtime_error{"as it was told"};
        if (*frame == "int")
            throw 42;
        if (*frame == "memory")
            throw std::bad_alloc{};
        co_await peer.write_frame(*frame);
        if (*frame == "after")
            throw std::runtime_error{"after its answer"};
    }
}

// One frame in, and 64 KiB frames out until the end.
awaitable<void> pour(connection& peer)
{
    static const std::string block(64 * 1024, 'p'); // none of the session's own memory
    if (auto frame = co_await peer.read_frame())
        for (;;)
            co_await peer.write_frame(block);
}

// A frame is a number: so many bytes are the answer.
awaitable<void> produce(connection& peer)
{
    while (auto frame = co_await peer.read_frame()) {
        const std::string answer(std::stoul(std::string{*frame}), 'a');
        co_await peer.write_frame(answer);
    }
}

// Counts the frames that came whole, and says so at the end of the session.
awaitable<void> count(connection& peer)
{
    unsigned frames = 0;
    const char* end = "clean";
    try {
        while (auto frame = co_await peer.read_frame())
            ++frames;
    } catch (const hawser::frame_error& e) {
        end = e.code() == hawser::errc::truncated_head ? "truncated_head" : "truncated_payload";
    }
    std::fprintf(stderr, "%u frames, %s\n", frames, end);
    co_return;
}

const std::map<std::string, hawser::session_handler> handlers{
    {"echo", echo},
    {"echo_batches", echo_batches},
    {"answer_then_rest", answer_then_rest},
    {"rest_then_answer", rest_then_answer},
    {"wait_for_ever", wait_for_ever},
    {"ignore_the_end", ignore_the_end},
    {"spin", spin},
    {"block", block},
    {"raise", raise},
    {"pour", pour},
    {"produce", produce},
    {"count", count},
};

class options
{
public:
    options(int count, char** arguments)
    {
        for (int i = 2; i < count; ++i) {
            const std::string text = arguments[i];
            const std::size_t equals = text.find('=');
            values_[text.substr(0, equals)] = std::stoul(text.substr(equals + 1));
        }
    }
    void time(const char* name, hawser::duration& into)
    {
        if (const auto at = values_.extract(name))
            into = std::chrono::milliseconds{at.mapped()};
    }
    template <class Number>
    void number(const char* name, Number& into)
    {
        if (const auto at = values_.extract(name))
            into = static_cast<Number>(at.mapped());
    }
    void check_all_used() const
    {
        if (!values_.empty())
            throw std::invalid_argument{"unknown: " + values_.begin()->first};
    }

private:
    std::map<std::string, std::size_t> values_;
};

awaitable<void> announce(const hawser::server& server)
{
    std::printf("listening on %s\n", server.endpoints().front().to_string().c_str());
    std::fflush(stdout);
    co_return;
}

int serve(int count, char** arguments)
{
    options given{count, arguments};
    hawser::server_options server_options;
    hawser::runtime_options runtime_options{.loops = 2};
    given.time("frame", server_options.timeouts.frame);
    given.time("write", server_options.timeouts.write);
    given.time("idle", server_options.timeouts.idle);
    given.time("drain", server_options.timeouts.drain);
    given.time("blocked", runtime_options.blocked_after);
    given.number("high", server_options.limits.output_high_water);
    given.number("low", server_options.limits.output_low_water);
    given.number("data", server_options.limits.data_limit);
    given.number("loops", runtime_options.loops);
    given.check_all_used();

    hawser::runtime runtime{runtime_options};
    hawser::server server{runtime, server_options};
    server.listen(hawser::endpoint{"tcp://127.0.0.1:0"}, handlers.at(arguments[1]));
    runtime.spawn(announce(server), [](std::exception_ptr) {});
    const int status = hawser::run(runtime, server);
    const auto counts = server.statistics();
    std::fprintf(stderr, "live %zu, accepted %llu, completed %llu, failed %llu\n", counts.connections,
                 static_cast<unsigned long long>(counts.accepted), static_cast<unsigned long long>(counts.completed),
                 static_cast<unsigned long long>(counts.failed));
    return status;
}

} // namespace

int main(int count, char** arguments)
{
    try {
        if (count < 2)
            throw std::invalid_argument{"expected HANDLER [NAME=VALUE...]"};
        return serve(count, arguments);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "options_server: %s\n", e.what());
        return 2;
    }
}
