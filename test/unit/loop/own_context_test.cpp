// SPDX-License-Identifier: BSL-1.0

// A runtime around an io_context of the user's: what it does there, and what it leaves alone.
#define BOOST_TEST_MODULE own_context
#include <hawser/connect.hpp>
#include <hawser/datagram.hpp>
#include <hawser/runtime.hpp>
#include <hawser/server.hpp>

#include "scenario.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

using namespace hawser;
using hawser::test::recorder;

namespace {

awaitable<void> echo(connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

awaitable<void> echo_datagram(datagram_request& d)
{
    co_await d.send(d.payload());
}

// What one of the user's own programs does beside: it ticks until it is told to end.
class ticking
{
public:
    explicit ticking(boost::asio::io_context& io) : timer_{io} { tick(); }
    void end()
    {
        ended_ = true; // which a tick that is due already has to learn
        timer_.cancel();
    }
    int ticks() const noexcept { return ticks_; }

private:
    void tick()
    {
        timer_.expires_after(1ms);
        timer_.async_wait([this](const error_code& e) {
            if (e || ended_)
                return;
            ++ticks_;
            tick();
        });
    }
    boost::asio::steady_timer timer_;
    int ticks_ = 0;
    bool ended_ = false;
};

struct outcome {
    bool done = false;
    std::string text;
    std::exception_ptr error;
};

// Starts a coroutine on the io_context, as its owner does.
void start(boost::asio::io_context& io, awaitable<void> work, outcome& o)
{
    boost::asio::co_spawn(io, std::move(work), [&o](std::exception_ptr e) {
        o.done = true;
        o.error = std::move(e);
    });
}

std::string symbol_of(const outcome& o)
{
    try {
        if (o.error != nullptr)
            std::rethrow_exception(o.error);
    } catch (const system_error& e) {
        return symbol(e.code());
    }
    return o.done ? "done" : "suspended";
}

awaitable<void> talk_then_stop(server& s, ticking& other, outcome& o)
{
    connection peer = co_await connect(s.endpoints().front());
    co_await peer.write_frame("hello");
    const auto answer = co_await peer.read_frame();
    o.text = answer.value_or("nothing");
    const int before = other.ticks();
    s.drain();
    const auto end = co_await peer.read_frame(); // the drain closes it, and the timer ticks on
    o.text += end ? ", a frame" : ", the end";
    co_await peer.close();
    const drain_report report = co_await s.drained();
    o.text += report.clean() ? ", drained" : ", cut";
    boost::asio::steady_timer after{co_await boost::asio::this_coro::executor};
    while (other.ticks() < before + 3) {
        after.expires_after(1ms);
        co_await after.async_wait(boost::asio::use_awaitable);
    }
    other.end();
}

awaitable<void> drained_twice(server& s, outcome& o)
{
    const drain_report first = co_await s.drained();
    const drain_report again = co_await s.drained(); // it is over already
    o.text = first.clean() && again.clean() ? "clean" : "cut";
}

awaitable<void> ask(endpoint where, outcome& o)
{
    connection peer = co_await connect(std::move(where));
    co_await peer.write_frame("hello");
    const auto answer = co_await peer.read_frame();
    o.text = answer.value_or("nothing");
    const auto more = co_await peer.read_frame();
    o.text += more ? ", a frame" : ", the end";
}

awaitable<void> say_nothing(endpoint where)
{
    connection peer = co_await connect(std::move(where));
    const timeouts short_ones{.idle = 30ms};
    peer.set_timeouts(short_ones);
    const auto frame = co_await peer.read_frame();
    static_cast<void>(frame);
}

awaitable<void> ask_by_datagram(endpoint where, outcome& o)
{
    datagram_socket socket{co_await boost::asio::this_coro::executor};
    co_await socket.connect(std::move(where));
    co_await socket.send("hello");
    std::array<char, 16> room{};
    const datagram answer = co_await socket.receive(room);
    o.text = answer.payload;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_server_and_a_client_drain_beside_the_users_own_work_which_goes_on)
{
    boost::asio::io_context io;
    runtime r{io};
    const auto seen = std::make_shared<recorder>();
    server s{r, {.observer = seen}};
    s.listen("tcp://127.0.0.1:0", echo);
    ticking other{io};
    outcome o;
    start(io, talk_then_stop(s, other, o), o);
    const auto begin = std::chrono::steady_clock::now();
    io.run(); // returns when nothing of either waits: no idle deadline of 75 s keeps it
    BOOST_TEST((std::chrono::steady_clock::now() - begin < 60s));
    BOOST_TEST(symbol_of(o) == "done");
    BOOST_TEST(o.text == "hello, the end, drained");
    BOOST_TEST(other.ticks() >= 3);
    BOOST_TEST(seen->reports.size() == 1U);
    BOOST_TEST(s.report().has_value());
}

BOOST_AUTO_TEST_CASE(its_deadlines_pass)
{
    boost::asio::io_context io;
    runtime r{io};
    server s{r};
    s.listen("tcp://127.0.0.1:0", echo);
    outcome o;
    start(io, say_nothing(s.endpoints().front()), o);
    while (!o.done)
        io.run_one();
    BOOST_TEST(symbol_of(o) == "idle_timeout");
}

BOOST_AUTO_TEST_CASE(a_drain_is_told_to_whoever_waits_then_or_later)
{
    boost::asio::io_context io;
    runtime r{io};
    server s{r, {.observer = std::make_shared<recorder>()}};
    s.listen("tcp://127.0.0.1:0", echo);
    outcome o;
    start(io, drained_twice(s, o), o);
    io.poll();
    BOOST_TEST(!o.done);
    s.drain();
    io.run();
    BOOST_TEST(o.text == "clean");
}

BOOST_AUTO_TEST_CASE(what_runs_loops_of_its_own_is_refused)
{
    boost::asio::io_context io;
    runtime r{io};
    server s{r};
    outcome o;
    BOOST_TEST(r.loops() == 1U);
    BOOST_CHECK_THROW(r.start(), std::logic_error);
    BOOST_CHECK_THROW(r.poll(), std::logic_error);
    BOOST_CHECK_THROW(run(r, s), std::logic_error);
    BOOST_CHECK_THROW(run(r, ask("tcp://127.0.0.1:1", o)), std::logic_error);
}

BOOST_AUTO_TEST_CASE(an_io_context_has_one_runtime_at_a_time)
{
    boost::asio::io_context io;
    {
        const runtime first{io};
        BOOST_CHECK_THROW(runtime{io}, std::logic_error);
    }
    const runtime second{io};
    const runtime own{{.loops = 1}};
    auto& context = boost::asio::query(own.executor(), boost::asio::execution::context);
    BOOST_CHECK_THROW(runtime{static_cast<boost::asio::io_context&>(context)}, std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_runtime_that_ends_cuts_its_connections_and_leaves_the_io_context_running)
{
    boost::asio::io_context io;
    ticking other{io};
    outcome o;
    {
        runtime r{io};
        server s{r, {.observer = std::make_shared<recorder>()}};
        s.listen("tcp://127.0.0.1:0", echo);
        start(io, ask(s.endpoints().front(), o), o);
        while (o.text.empty())
            io.run_one();
    }
    while (!o.done)
        io.run_one();
    BOOST_TEST(symbol_of(o) == "connection_closed");
    const int before = other.ticks();
    while (other.ticks() == before)
        io.run_one();
    other.end();
    io.run();
    BOOST_TEST(io.stopped());
}

BOOST_AUTO_TEST_CASE(the_io_context_may_end_first_with_sessions_that_are_suspended)
{
    std::optional<runtime> r;
    outcome o;
    {
        boost::asio::io_context io;
        r.emplace(io);
        server s{*r, {.observer = std::make_shared<recorder>()}};
        s.listen("tcp://127.0.0.1:0", echo);
        start(io, ask(s.endpoints().front(), o), o);
        while (o.text.empty())
            io.run_one();
    }
    BOOST_TEST(o.text == "hello");
    BOOST_TEST(!o.done); // destroyed, not resumed
}

BOOST_AUTO_TEST_CASE(a_server_and_a_datagram_socket_may_be_destroyed_after_the_io_context)
{
    std::optional<boost::asio::io_context> io{std::in_place};
    runtime r{*io};
    server s{r};
    s.listen("tcp://127.0.0.1:0", echo);
    listen_datagrams(s, "udp://127.0.0.1:0", echo_datagram);
    datagram_socket socket{r};
    socket.bind("udp://127.0.0.1:0");
    io->poll(); // both listeners wait now
    io.reset();
    BOOST_CHECK_THROW(s.listen("tcp://127.0.0.1:0", echo), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_second_thread_is_refused_by_a_typed_error)
{
    boost::asio::io_context io;
    runtime r{io};
    const auto seen = std::make_shared<recorder>();
    server s{r, {.observer = seen}};
    s.listen("tcp://127.0.0.1:0", echo);
    const auto own_work = boost::asio::make_work_guard(io);

    outcome first;
    start(io, ask(s.endpoints().front(), first), first);
    while (first.text.empty())
        io.run_one(); // this thread is the one

    outcome second;
    start(io, ask(s.endpoints().front(), second), second);
    std::thread{[&] {
        while (!second.done)
            io.run_one();
    }}.join(); // and it ends, unharmed
    BOOST_TEST(symbol_of(second) == "second_thread");
    while (!first.done)
        io.run_one(); // the connection that was open is cut
    BOOST_TEST(symbol_of(first) == "second_thread");

    outcome third; // nor does the first thread get another
    start(io, ask(s.endpoints().front(), third), third);
    while (!third.done)
        io.run_one();
    BOOST_TEST(symbol_of(third) == "second_thread");

    s.drain(); // that still ends
    while (!s.report())
        io.run_one();
    BOOST_TEST(seen->ends.size() == 1U);
    BOOST_TEST(symbol(seen->ends.front().error) == "second_thread");
}

BOOST_AUTO_TEST_CASE(a_connection_that_a_second_thread_accepts_is_refused)
{
    boost::asio::io_context io;
    runtime r{io};
    const auto seen = std::make_shared<recorder>();
    server s{r, {.observer = seen}};
    s.listen("tcp://127.0.0.1:0", echo);
    runtime clients{{.loops = 1}};
    std::promise<void> answered;
    outcome first;
    clients.spawn(ask(s.endpoints().front(), first), [&](std::exception_ptr e) {
        first.error = std::move(e);
        answered.set_value();
    });
    clients.start();
    while (s.statistics().accepted == 0)
        io.run_one();
    std::promise<void> refused;
    outcome second;
    clients.spawn(ask(s.endpoints().front(), second), [&](std::exception_ptr) { refused.set_value(); });
    std::thread{[&] {
        while (s.statistics().refused == 0)
            io.run_one();
    }}.join();
    BOOST_TEST(symbol(seen->ends.front().error) == "second_thread");
    refused.get_future().wait();
    s.drain();
    while (!s.report())
        io.run_one();
    answered.get_future().wait();
}

BOOST_AUTO_TEST_CASE(datagrams_are_served_there_too)
{
    boost::asio::io_context io;
    runtime r{io};
    server s{r, {.observer = std::make_shared<recorder>()}};
    listen_datagrams(s, "udp://127.0.0.1:0", echo_datagram);
    outcome o;
    start(io, ask_by_datagram(s.endpoints().front(), o), o);
    while (!o.done)
        io.run_one();
    BOOST_TEST(o.text == "hello");
}
