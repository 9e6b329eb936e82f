// SPDX-License-Identifier: BSL-1.0

// The test kit itself: the network in memory, the clock, what is counted as left, and sweeps.
#include <hawser/test/sweep.hpp>

#include <hawser/test/world.hpp>

#include "test_certificate.hpp"

#define BOOST_TEST_MODULE kit
#include <boost/test/unit_test.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;

namespace {

awaitable<void> echo(connection& peer)
{
    while (const auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

// ---- The network

BOOST_AUTO_TEST_CASE(a_chunk_is_the_most_that_one_read_gets)
{
    world run;
    run.inbound = {.chunk = 3};
    auto [c, p] = run.connect();
    p.send("abcdefg");
    for (const char* piece : {"abc", "def", "g"})
        BOOST_TEST(text(run.start(c.read_some())) == piece);
    BOOST_CHECK_THROW(p.inbound({.chunk = 0}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(bytes_and_the_end_arrive_after_the_delay_and_not_before)
{
    world run;
    auto [c, p] = run.connect();
    p.inbound({.delay = 100ms});
    auto read = run.start(c.read_some());
    p.send("a");
    run.advance(99ms);
    p.send("b");
    BOOST_TEST(!read.done());
    run.advance(1ms);
    BOOST_TEST(text(read) == "a");
    read = run.start(c.read_some());
    p.end();
    run.advance(98ms);
    BOOST_TEST(!read.done());
    run.advance(1ms);
    BOOST_TEST(text(read) == "b");
    read = run.start(c.read_some());
    BOOST_TEST(!read.done());
    run.advance(1ms);
    BOOST_TEST(text(read) == "(nothing)");
}

BOOST_AUTO_TEST_CASE(what_a_peer_gets_is_delayed_too)
{
    world run;
    run.outbound = {.delay = 20ms};
    peer p = run.open(echo);
    p.send(frame("x"));
    BOOST_TEST(p.waiting() == 0u);
    run.advance(20ms);
    BOOST_TEST(p.received() == frame("x"));
}

BOOST_AUTO_TEST_CASE(nothing_arrives_while_a_direction_is_stalled)
{
    world run;
    peer p = run.open(echo);
    p.outbound({.stalled = true});
    p.send(frame("x"));
    BOOST_TEST(p.received() == "");
    p.outbound({});
    p.inbound({.stalled = true});
    p.send(frame("y"));
    BOOST_TEST(p.received() == frame("x"));
    p.inbound({});
    BOOST_TEST(p.received() == frame("y"));
    p.stall_input(true);
    p.send(frame("z"));
    BOOST_TEST(p.received() == "");
    p.stall_input(false);
    BOOST_TEST(p.received() == frame("z"));
}

BOOST_AUTO_TEST_CASE(a_connection_is_reset_at_any_byte_of_either_direction)
{
    const std::string sent = frame("one") + frame("two");
    for (std::uint64_t n = 1; n <= sent.size(); ++n)
        BOOST_TEST_CONTEXT("after " << n << " bytes")
        {
            world run;
            run.inbound = {.chunk = 2, .reset_after = n};
            peer p = run.open(echo, sent);
            BOOST_TEST(run.last_end() == "failed: ECONNRESET");
            BOOST_TEST(p.was_reset());
            BOOST_TEST(p.carried_in() == n);

            world back;
            back.outbound = {.reset_after = n};
            peer q = back.open(echo, sent);
            BOOST_TEST(q.received() == sent.substr(0, n));
            BOOST_TEST(q.carried_out() == n);
            BOOST_TEST(back.last_end() == "failed: ECONNRESET");
        }
}

BOOST_AUTO_TEST_CASE(a_stream_ends_at_any_byte_of_it)
{
    const std::string sent = frame("one") + frame("two");
    for (std::uint64_t n = 1; n <= sent.size(); ++n)
        BOOST_TEST_CONTEXT("after " << n << " bytes")
        {
            world run;
            run.inbound = {.end_after = n};
            peer p = run.open(echo, sent);
            p.end();
            const std::uint64_t of_frame = n % frame("one").size();
            BOOST_TEST(run.last_end() == (of_frame == 0  ? "completed"
                                          : of_frame < 4 ? "failed: truncated_head"
                                                         : "failed: truncated_payload"));
            BOOST_TEST(p.carried_in() == n);
        }
}

BOOST_AUTO_TEST_CASE(a_connection_breaks_when_the_test_says_so)
{
    world run;
    BOOST_CHECK_THROW(run.last_wire(), std::logic_error);
    connection c = run.run(run.dial(echo));
    const auto read = run.start(c.read_frame());
    run.last_wire().break_off();
    BOOST_TEST(read.outcome() == "ECONNRESET");
    BOOST_TEST(run.last_end() == "failed: ECONNRESET");
}

// ---- TLS

struct tls_ends {
    test_authority root{"root"};
    tls_pair pair = root.issue();
    listen_options server{.tls =
                              tls_server{.certificate_chain = pair.certificate_chain, .private_key = pair.private_key}};
    connect_options client{.tls = {.ca = root.certificate()}};
};

awaitable<void> talk(world& run, tls_ends& ends)
{
    connection c = co_await run.dial(echo, ends.server, ends.client);
    BOOST_TEST(c.tls().has_value());
    co_await c.write_frame("hello");
    const auto answer = co_await c.read_frame();
    BOOST_TEST(answer.value_or("") == "hello");
    co_await c.close();
}

BOOST_AUTO_TEST_CASE(a_handler_over_tls_in_memory)
{
    tls_ends ends;
    for (const std::size_t chunk : {1u, 7u, 100'000u})
        BOOST_TEST_CONTEXT("in chunks of " << chunk)
        {
            world run;
            run.inbound = run.outbound = {.chunk = chunk};
            const auto done = run.start(talk(run, ends));
            BOOST_TEST(done.what() == "");
            BOOST_TEST(done.outcome() == "done");
            BOOST_TEST(run.last_end() == "completed");
            BOOST_TEST(run.settle().to_string() == "nothing");
        }
}

BOOST_AUTO_TEST_CASE(ciphertext_is_delayed_and_a_handshake_has_its_deadline)
{
    tls_ends ends;
    ends.client.connect_timeout = 1s;
    for (const auto& [delay, outcome] : {std::pair{100ms, "done"}, {2000ms, "handshake_timeout"}})
        BOOST_TEST_CONTEXT("a delay of " << delay.count() << " ms")
        {
            world run;
            run.inbound.delay = run.outbound.delay = delay;
            const auto done = run.start(talk(run, ends));
            BOOST_TEST(!done.done());
            run.steps(5s, 50ms);
            BOOST_TEST(done.outcome() == outcome);
        }
}

BOOST_AUTO_TEST_CASE(tls_is_cut_short_at_any_byte_of_its_beginning)
{
    tls_ends ends;
    for (std::uint64_t n = 1; n <= 1500; n += 37)
        BOOST_TEST_CONTEXT("after " << n << " bytes")
        {
            world run;
            run.outbound.reset_after = n;
            const auto done = run.start(talk(run, ends));
            BOOST_TEST(done.done());
            if (n < 600) // within the handshake
                BOOST_TEST(done.outcome() != "done");
            BOOST_TEST(run.settle().to_string() == "nothing");
        }
}

BOOST_AUTO_TEST_CASE(a_certificate_of_nobodys_is_refused)
{
    tls_ends ends;
    ends.client.tls.ca = test_authority{"another"}.certificate();
    world run;
    const auto done = run.start(talk(run, ends));
    BOOST_TEST(done.outcome() == "certificate_unknown_authority");
}

// ---- Time

BOOST_AUTO_TEST_CASE(a_minute_of_silence_is_over_before_a_minute_has_passed)
{
    const auto began = std::chrono::steady_clock::now();
    world run{{.timeouts = {.idle = 60s}}};
    peer client = run.open(echo);
    client.send(frame("hello"));
    BOOST_TEST(client.received() == frame("hello"));
    run.advance(59s);
    BOOST_TEST(run.last_end() == "");
    run.advance(2s);
    BOOST_TEST(client.has_ended());
    client.end();
    BOOST_TEST(run.last_end() == "failed: idle_timeout");
    BOOST_TEST(client.is_gone());
    BOOST_TEST((std::chrono::steady_clock::now() - began < 60s));
}

// ---- Coroutines

BOOST_AUTO_TEST_CASE(a_coroutine_that_waits_is_not_run_to_its_end)
{
    world run;
    auto [c, p] = run.connect();
    BOOST_CHECK_THROW(run.run(c.read_frame()), std::logic_error);
}

BOOST_AUTO_TEST_CASE(an_observer_of_ones_own_is_refused)
{
    BOOST_CHECK_THROW((world{{.observer = std::make_shared<recorder>()}}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_scripted_peer_is_refused_where_tls_is_spoken)
{
    world run;
    BOOST_CHECK_THROW(run.open(echo, listen_options{.tls = tls_server{}}), std::invalid_argument);
}

// ---- What is left

BOOST_AUTO_TEST_CASE(what_is_left_is_counted)
{
    world run;
    BOOST_TEST(run.left().to_string() == "nothing");
    {
        auto [c, p] = run.connect();
        p.capacity(10);
        const std::string text(96, 'x');
        run.run(c.write_frame(text));
        p.send("a");
        const auto read = run.start(c.read_frame());
        const remains now = run.left();
        BOOST_TEST(now.connections == 1u);
        BOOST_TEST(now.timers == 1u);
        BOOST_TEST(now.coroutines == 1u);
        BOOST_TEST(now.buffers == 2 * 4096u);
        BOOST_TEST(now.queued == 90u);
        BOOST_TEST(now.to_string() ==
                   "1 connection, 1 timer, 1 coroutine, 8192 bytes of buffers, 90 bytes of queued output");
        c.reset();
        run.poll();
    }
    BOOST_TEST(run.settle().to_string() == "nothing");
}

// ---- Sweeps

const sweep_options silent{.print = false};

// The words of the sweep_error.
template <class Sweep>
std::string refusal(Sweep sweep)
{
    try {
        sweep();
    } catch (const sweep_error& e) {
        return e.what();
    }
    return "none";
}

BOOST_AUTO_TEST_CASE(each_step_fails_once)
{
    std::vector<std::string> runs;
    const std::size_t steps = fail_each_step(
        "own",
        [&](world& run) {
            std::string went;
            for (const char* name : {"a", "b", "c"})
                went += run.step(name) ? '!' : *name;
            runs.push_back(went + (run.disturbed() ? " disturbed" : ""));
        },
        silent);
    BOOST_TEST(steps == 3u);
    const std::vector<std::string> expected{"!bc disturbed", "a!c disturbed", "ab! disturbed", "abc"};
    BOOST_TEST(runs == expected, boost::test_tools::per_element());
}

// What outlives one failure only.
BOOST_AUTO_TEST_CASE(what_is_left_is_told_with_its_step)
{
    std::vector<connection> kept;
    const scenario_function leaks = [&](world& run) {
        kept.clear();
        connection c = run.run(run.dial(echo));
        auto write = run.start(c.write_frame("x"));
        if (run.step("the test's own"))
            kept.push_back(std::move(c));
    };
    const std::string words = refusal([&] { fail_each_step("leaky", leaks, silent); });
    kept.clear();
    BOOST_TEST(words.find("leaky: step ") == 0u);
    BOOST_TEST(words.find("(the test's own): leaves 2 connections, ") != words.npos);
}

awaitable<void> for_ever(connection& c)
{
    while (true) {
        try {
            const auto frame = co_await c.read_frame();
            if (!frame)
                break;
        } catch (const system_error&) {
            break;
        }
    }
    co_await boost::asio::this_coro::reset_cancellation_state();
    connection::executor_type on = c.get_executor();
    boost::asio::steady_timer timer{on, std::chrono::steady_clock::time_point::max()};
    co_await timer.async_wait(boost::asio::use_awaitable);
}

BOOST_AUTO_TEST_CASE(a_handler_that_never_ends_is_told_by_the_undisturbed_run)
{
    const scenario_function hangs = [](world& run) { run.open(for_ever).reset(); };
    const std::string words = refusal([&] { cancel_each_suspension("hanging", hangs, silent); });
    BOOST_TEST(words.find("1 coroutine") != words.npos);
}

awaitable<void> wait_for_ever(world& run)
{
    boost::asio::steady_timer timer{run.runtime().executor(), std::chrono::steady_clock::time_point::max()};
    co_await timer.async_wait(boost::asio::use_awaitable);
}

BOOST_AUTO_TEST_CASE(a_coroutine_that_somebody_else_started_is_told_too)
{
    const scenario_function hangs = [](world& run) {
        boost::asio::co_spawn(run.runtime().executor(), wait_for_ever(run), boost::asio::detached);
    };
    BOOST_TEST(refusal([&] { fail_each_step("detached", hangs, silent); }) ==
               "detached: undisturbed: leaves 1 coroutine");
}

BOOST_AUTO_TEST_CASE(what_a_disturbed_run_throws_is_told_unless_it_is_an_error_of_the_system)
{
    const scenario_function throws = [](world& run) {
        if (run.step("first"))
            throw system_error{errc::connection_closed};
        if (run.step("second"))
            throw std::runtime_error{"no more"};
    };
    BOOST_TEST(refusal([&] { fail_each_step("throwing", throws, silent); }) ==
               "throwing: step 2 (second): throws no more");
    const scenario_function wrong = [](world&) { throw system_error{errc::connection_closed}; };
    BOOST_CHECK_THROW(fail_each_step("wrong", wrong, silent), system_error);
}

BOOST_AUTO_TEST_CASE(a_sweep_gives_up_one_past_the_most_steps)
{
    const scenario_function three = [](world& run) {
        for (int i = 0; i < 3; ++i)
            static_cast<void>(run.step("x"));
    };
    sweep_options options = silent;
    options.max_steps = 3;
    BOOST_TEST(fail_each_step("three", three, options) == 3u);
    options.max_steps = 2;
    BOOST_TEST(refusal([&] { fail_each_step("three", three, options); }) == "three: more than 2 steps");
}

BOOST_AUTO_TEST_CASE(each_suspension_is_cancelled_once_for_each_coroutine)
{
    std::size_t cancelled = 0;
    const std::size_t suspensions = cancel_each_suspension(
        "reads",
        [&](world& run) {
            auto [c, p] = run.connect();
            const auto read = run.start(c.read_frame());
            p.send(frame("x"));
            if (read.outcome() == "ECANCELED")
                ++cancelled;
            BOOST_TEST((read.outcome() == "ECANCELED" || text(read) == "x"));
        },
        silent);
    BOOST_TEST(suspensions >= 2u);
    BOOST_TEST(cancelled >= 1u);
    BOOST_TEST(cancelled <= suspensions);
}

} // namespace
