// SPDX-License-Identifier: BSL-1.0

// Sessions: how they end and what is told of it, closing, and what other code may do to a connection meanwhile.
#include <hawser/server.hpp>

#include "scenario.hpp"

#define BOOST_TEST_MODULE session
#include <boost/test/unit_test.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;

namespace {

awaitable<void> echo(connection& c)
{
    while (const auto f = co_await c.read_frame())
        co_await c.write_frame(*f);
}

awaitable<void> for_ever()
{
    boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, std::chrono::hours{24 * 365}};
    co_await timer.async_wait(boost::asio::use_awaitable);
}

} // namespace

// ---- How a session ends

BOOST_AUTO_TEST_CASE(a_session_whose_peer_ends_between_two_frames_completes_with_every_answer_delivered)
{
    server_scenario run;
    peer p = run.open(echo);
    p.send(frame("one") + frame("two"));
    p.end();
    BOOST_TEST(p.received() == frame("one") + frame("two"));
    BOOST_TEST(p.has_ended());
    BOOST_TEST(!p.was_reset());
    BOOST_TEST(run.last_end() == "completed");
    const session_end& end = run.seen().ends.back();
    BOOST_TEST(end.peer.to_string() == "tcp://127.0.0.1:50001");
    BOOST_TEST(end.local.to_string() == "tcp://127.0.0.1:7000");
    BOOST_TEST(end.statistics.frames_in == 2u);
    BOOST_TEST(end.statistics.frames_out == 2u);
    BOOST_TEST(end.statistics.bytes_in == 14u);
    BOOST_TEST(end.statistics.bytes_out == 14u);
    BOOST_TEST(run.server().statistics().connections == 0u);
    BOOST_TEST(run.server().statistics().completed == 1u);
}

BOOST_AUTO_TEST_CASE(a_request_and_a_half_close_behind_it_get_the_whole_answer)
{
    server_scenario run;
    peer p = run.open(echo);
    const std::string big(1024 * 1024, 'b');
    p.send_later(frame(big));
    p.end();
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    BOOST_CHECK(got == frame(big));
    BOOST_TEST(p.has_ended());
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(each_way_to_fail_has_its_reason_and_its_end)
{
    struct not_an_exception {};
    struct {
        const char* name;
        session_handler handler;
        const char* end;
        bool reset = false;
    } const table[] = {
        {"a frame too large",
         [](connection& c) -> awaitable<void> { co_await c.read_frame(framing::u32_be.with_max_payload(1)); },
         "failed: frame_too_large"},
        {"a standard exception",
         [](connection& c) -> awaitable<void> {
             co_await c.read_frame();
             throw std::runtime_error{"words"};
         },
         "threw: words"},
        {"another exception",
         [](connection& c) -> awaitable<void> {
             co_await c.read_frame();
             throw not_an_exception{};
         },
         "threw: something that is not a std::exception"},
        {"no memory",
         [](connection& c) -> awaitable<void> {
             co_await c.read_frame();
             throw std::bad_alloc{};
         },
         "threw: std::bad_alloc"},
        {"a throw after a part of the answer",
         [](connection& c) -> awaitable<void> {
             co_await c.write("half an ans");
             co_await c.read_frame();
             throw std::runtime_error{"words"};
         },
         "threw: words", true},
        {"a throw before the first suspension",
         [](connection&) -> awaitable<void> {
             throw std::runtime_error{"at once"};
             co_return;
         },
         "threw: at once"},
        {"a throw before it is a coroutine",
         [](connection&) -> awaitable<void> { throw std::runtime_error{"no coroutine"}; }, "threw: no coroutine"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            server_scenario run;
            peer other = run.open(echo);
            peer p = run.open(t.handler);
            p.send(frame("ab"));
            BOOST_TEST(p.has_ended() == !t.reset);
            BOOST_TEST(p.received() == (t.reset ? "half an ans" : ""));
            if (t.reset)
                run.steps(10ms, 5ms); // until that is seen to have arrived
            else
                p.end();
            BOOST_TEST(run.last_end() == t.end);
            BOOST_TEST(p.was_reset() == t.reset);
            BOOST_TEST(run.seen().ends.size() == 1u);
            BOOST_TEST(run.server().statistics().failed == 1u);
            other.send(frame("others go on"));
            BOOST_TEST(other.received() == frame("others go on"));
        }
    }
}

BOOST_AUTO_TEST_CASE(what_the_peer_does_wrong_is_told_by_its_cause)
{
    struct {
        const char* name;
        void (*act)(server_scenario&, peer&);
        const char* end;
    } const table[] = {
        {"a reset", [](server_scenario&, peer& p) { p.reset(); }, "failed: ECONNRESET"},
        {"an end in a head",
         [](server_scenario&, peer& p) {
             p.send("abc");
             p.end();
         },
         "failed: truncated_head"},
        {"an end in a payload",
         [](server_scenario&, peer& p) {
             p.send(frame("abc").substr(0, 6));
             p.end();
         },
         "failed: truncated_payload"},
        {"http on the wrong port", [](server_scenario&, peer& p) { p.send("GET / HTTP/1.1\r\n"); },
         "failed: frame_too_large"},
        {"silence", [](server_scenario& run, peer&) { run.advance(75s); }, "failed: idle_timeout"},
        {"a frame that stops",
         [](server_scenario& run, peer& p) {
             p.send("abc");
             run.advance(10s);
         },
         "failed: frame_timeout"},
        {"answers that are not read",
         [](server_scenario& run, peer& p) {
             p.capacity(0);
             p.send(frame("x"));
             run.advance(30s);
         },
         "failed: write_timeout"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            server_scenario run;
            peer p = run.open(echo);
            t.act(run, p);
            run.advance(2s); // for which a silent peer is waited
            BOOST_TEST(run.last_end() == t.end);
            BOOST_TEST(p.is_gone());
            BOOST_TEST(run.server().statistics().connections == 0u);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_words_of_a_refused_frame_say_what_it_looks_like)
{
    server_scenario run;
    peer p = run.open(echo);
    p.send("GET / HTTP/1.1\r\n");
    p.end();
    BOOST_TEST_REQUIRE(run.seen().ends.size() == 1u);
    BOOST_TEST(run.seen().ends[0].what.find("HTTP") != std::string::npos);
}

// ---- Closing

awaitable<void> say_goodbye(connection& c)
{
    co_await c.read_frame();
    co_await c.write_frame("bye");
}

BOOST_AUTO_TEST_CASE(close_lingers_for_two_seconds_of_silence_and_drops_what_still_comes)
{
    server_scenario run;
    peer p = run.open(say_goodbye);
    p.send(frame("x"));
    BOOST_TEST(p.received() == frame("bye"));
    BOOST_TEST(p.has_ended());
    run.advance(2s - 1ns);
    BOOST_TEST(!p.is_gone());
    p.send(std::string(100'000, 'z'));
    run.advance(2s - 1ns);
    BOOST_TEST(!p.is_gone());
    BOOST_TEST(run.seen().ends.empty());
    run.advance(1ns);
    BOOST_TEST(p.is_gone());
    BOOST_TEST(!p.was_reset());
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(close_lingers_for_thirty_seconds_in_all_however_much_comes)
{
    server_scenario run;
    peer p = run.open(say_goodbye);
    p.send(frame("x"));
    for (int i = 0; i < 29; ++i) {
        run.advance(1s);
        p.send("z");
    }
    run.advance(1s - 1ns);
    BOOST_TEST(!p.is_gone());
    p.send("z");
    run.advance(1ns);
    BOOST_TEST(p.is_gone());
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(at_drain_a_connection_lingers_for_two_seconds_in_all)
{
    for (const bool before : {true, false}) {
        server_scenario run;
        peer p = run.open(say_goodbye);
        if (before)
            run.server().drain();
        p.send(frame("x"));
        if (!before) {
            run.advance(1s);
            p.send("z");
            run.server().drain();
            run.poll();
        }
        run.advance(1s - 1ns);
        p.send("z");
        BOOST_TEST(!p.is_gone());
        run.advance(before ? 1s : 0s);
        BOOST_TEST(!p.is_gone());
        run.advance(1ns);
        BOOST_TEST(p.is_gone());
        BOOST_TEST_REQUIRE(run.server().report().has_value());
        BOOST_TEST(run.server().report()->clean());
    }
}

BOOST_AUTO_TEST_CASE(what_comes_is_dropped_while_output_waits_for_a_peer_that_writes_before_it_reads)
{
    server_scenario run;
    peer p = run.open([](connection& c) -> awaitable<void> {
        co_await c.read_frame();
        co_await c.write_frame(std::string(1'000, 'x'));
    });
    p.capacity(1);
    p.send(frame("x"));
    p.send(std::string(300'000, 'z'));
    BOOST_TEST(run.loop().blocks().in_use() < 64u * 1024);
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    BOOST_TEST(got == frame(std::string(1'000, 'x')));
    p.end();
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(lingering_ends_with_the_peers_end)
{
    server_scenario run;
    peer p = run.open([](connection&) -> awaitable<void> { co_return; });
    BOOST_TEST(p.has_ended());
    BOOST_TEST(!p.is_gone());
    p.end();
    BOOST_TEST(p.is_gone());
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(a_half_closed_session_lingers_as_long_when_its_handler_returns)
{
    server_scenario run;
    peer p = run.open([](connection& c) -> awaitable<void> { co_await c.half_close(); });
    BOOST_TEST(p.has_ended());
    run.advance(2s - 1ns);
    BOOST_TEST(!p.is_gone());
    run.advance(1ns);
    BOOST_TEST(p.is_gone());
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(close_flushes_first_and_the_write_rule_bounds_that)
{
    server_scenario run;
    const auto answer = [](connection& c) -> awaitable<void> {
        co_await c.read_frame();
        co_await c.write(std::string(100, 'x'));
    };
    peer p = run.open(answer);
    p.capacity(1);
    p.send(frame("go"));
    BOOST_TEST(!p.has_ended());
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    BOOST_TEST(got.size() == 100u);
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(run.last_end() == "completed");

    peer stuck = run.open(answer);
    stuck.capacity(0);
    stuck.send(frame("go"));
    run.advance(30s);
    BOOST_TEST(stuck.was_reset());
    BOOST_TEST(run.last_end() == "failed: write_timeout");
}

BOOST_AUTO_TEST_CASE(close_completes_when_the_connection_is_closed_and_later_operations_say_so)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto read = run.start(c.read_frame());
    const auto close = run.start(c.close());
    BOOST_TEST(!read.value());
    BOOST_TEST(!close.done());
    BOOST_TEST((c.state() == connection_state::closing));
    BOOST_TEST(run.start(c.write_frame("x")).outcome() == "connection_closed");
    p.end();
    BOOST_TEST(close.outcome() == "done");
    BOOST_TEST((c.state() == connection_state::closed));
    BOOST_TEST(!run.start(c.read_frame()).value());
    BOOST_TEST(run.start(c.write_frame("x")).outcome() == "connection_closed");
    BOOST_TEST(run.start(c.close()).outcome() == "done");
    c.reset();
    BOOST_TEST(!p.was_reset());
}

BOOST_AUTO_TEST_CASE(reset_closes_at_once_and_everything_that_waits_is_told_once)
{
    scenario run;
    auto [c, p] = run.connect();
    p.capacity(0);
    const auto read = run.start(c.read_frame());
    const auto closed = run.start(c.closed());
    run.start(c.write_frame("pending"));
    const auto flush = run.start(c.flush());
    c.reset();
    c.reset();
    run.poll();
    BOOST_TEST(p.was_reset());
    BOOST_TEST(read.outcome() == "connection_closed");
    BOOST_TEST(closed.outcome() == "done");
    BOOST_TEST(flush.outcome() == "connection_closed");
    BOOST_TEST(c.queued() == 0u);
}

BOOST_AUTO_TEST_CASE(closed_is_seen_by_all_who_wait_while_something_reads)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto first = run.start(c.closed());
    auto second = run.start(c.closed());
    auto third = run.start(c.closed());
    third.cancel();
    BOOST_TEST(third.outcome() == "ECANCELED");
    const auto read = run.start(c.read_frame());
    p.end();
    BOOST_TEST(text(read) == "(nothing)");
    BOOST_TEST(first.outcome() == "done");
    BOOST_TEST(second.outcome() == "done");
    BOOST_TEST(run.start(c.closed()).outcome() == "done");
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_destroyed_with_output_pending_ends_gracefully)
{
    scenario run;
    peer p = [&] {
        auto [c, other] = run.connect();
        other.capacity(2);
        run.start(c.write_frame("pending"));
        return other;
    }();
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    BOOST_TEST(got == frame("pending"));
    BOOST_TEST(p.has_ended());
    BOOST_TEST(!p.was_reset());
    run.advance(2s);
    BOOST_TEST(p.is_gone());
    BOOST_TEST(run.loop().blocks().in_use() == 0u);
    BOOST_TEST(run.loop().connections.empty());
}

BOOST_AUTO_TEST_CASE(a_moved_connection_goes_on)
{
    scenario run;
    auto [c, p] = run.connect();
    p.send(frame("1") + frame("2"));
    BOOST_TEST(text(run.start(c.read_frame())) == "1");
    connection moved{std::move(c)};
    BOOST_TEST(text(run.start(moved.read_frame())) == "2");
    auto [d, q] = run.connect();
    d = std::move(moved); // ends what d was
    BOOST_TEST(run.start(d.write_frame("3")).outcome() == "done");
    BOOST_TEST(p.received() == frame("3"));
    BOOST_TEST(q.has_ended());
    BOOST_TEST(!p.has_ended());
}

// ---- handle()

BOOST_AUTO_TEST_CASE(a_handle_reaches_the_connection_until_its_session_has_ended)
{
    server_scenario run;
    connection_handle h;
    int called = 0;
    peer p = run.open([&h](connection& c) -> awaitable<void> {
        h = c.handle();
        co_await c.read_frame();
    });
    h.post([&](connection& c) { called += static_cast<int>(c.statistics().frames_in) + 1; });
    run.poll();
    BOOST_TEST(called == 1);
    p.end();
    h.post([&](connection&) { called += 100; });
    run.poll();
    BOOST_TEST(called == 1);
    connection_handle{}.post([&](connection&) { called += 1000; });
    run.poll();
    BOOST_TEST(called == 1);
    run.end_runtime();
    h.post([&](connection&) { called += 10'000; });
    BOOST_TEST(called == 1);
}

BOOST_AUTO_TEST_CASE(an_exception_from_a_posted_function_ends_that_session_only)
{
    server_scenario run;
    connection_handle h;
    peer other = run.open(echo);
    peer p = run.open([&h](connection& c) -> awaitable<void> {
        h = c.handle();
        co_await echo(c);
    });
    h.post([](connection&) { throw std::runtime_error{"from outside"}; });
    run.poll();
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(run.last_end() == "threw: from outside");
    BOOST_TEST(!p.was_reset());
    other.send(frame("x"));
    BOOST_TEST(other.received() == frame("x"));
    BOOST_TEST(run.seen().ends.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_exception_from_a_posted_function_is_told_though_the_handler_returns)
{
    server_scenario run;
    connection_handle h;
    peer p = run.open([&h](connection& c) -> awaitable<void> {
        h = c.handle();
        co_await c.closed();
    });
    h.post([](connection&) { throw std::runtime_error{"from outside"}; });
    run.poll();
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(run.last_end() == "threw: from outside");
    BOOST_TEST(!p.was_reset());
}

BOOST_AUTO_TEST_CASE(an_exception_from_a_posted_function_is_told_though_the_handler_sees_a_code_in_its_place)
{
    server_scenario run;
    connection_handle h;
    peer p = run.open([&h](connection& c) -> awaitable<void> {
        h = c.handle();
        char into[10];
        co_await c.async_read_some(boost::asio::buffer(into), boost::asio::use_awaitable);
    });
    h.post([](connection&) { throw std::runtime_error{"from outside"}; });
    run.poll();
    p.end();
    BOOST_TEST(run.last_end() == "threw: from outside");
}

BOOST_AUTO_TEST_CASE(what_a_handler_throws_of_its_own_is_told_whatever_a_posted_function_has_thrown)
{
    server_scenario run;
    connection_handle h;
    peer p = run.open([&h](connection& c) -> awaitable<void> {
        h = c.handle();
        try {
            co_await c.read_frame();
        } catch (const std::runtime_error&) {
            throw std::logic_error{"its own"};
        }
    });
    h.post([](connection&) { throw std::runtime_error{"from outside"}; });
    run.poll();
    p.end();
    BOOST_TEST(run.last_end() == "threw: its own");
}

// ---- The runtime's end

BOOST_AUTO_TEST_CASE(a_runtime_may_end_while_everything_is_suspended)
{
    const auto alive = std::make_shared<int>(0);
    {
        server_scenario run{{.limits = {.output_high_water = 1000, .output_low_water = 10}}};
        peer reading = run.open([alive](connection& c) -> awaitable<void> {
            const auto local = alive;
            co_await echo(c);
        });
        reading.send(frame("so that it holds a buffer") + "\1\2");
        peer parked = run.open([alive](connection& c) -> awaitable<void> {
            const auto local = alive;
            co_await c.read_some();
        });
        peer writing = run.open([alive](connection& c) -> awaitable<void> {
            const auto local = alive;
            co_await c.read_frame();
            co_await c.write(std::string(100'000, 'x'));
        });
        writing.capacity(0);
        writing.send(frame(""));
        peer flushing = run.open([alive](connection& c) -> awaitable<void> {
            const auto local = alive;
            co_await c.read_frame();
            co_await c.write_frame("x");
            co_await c.flush();
        });
        flushing.capacity(0);
        flushing.send(frame(""));
        peer waiting = run.open([alive](connection& c) -> awaitable<void> {
            const auto local = alive;
            co_await c.closed();
        });
        peer asleep = run.open([alive](connection&) -> awaitable<void> {
            const auto local = alive;
            co_await for_ever();
        });
        peer lingering = run.open([alive](connection&) -> awaitable<void> {
            const auto local = alive;
            co_return;
        });
        peer both = run.open([alive](connection& c) -> awaitable<void> {
            using namespace boost::asio::experimental::awaitable_operators;
            const auto local = alive;
            co_await (c.read_frame() && c.closed() && for_ever());
        });
        BOOST_TEST(run.server().statistics().connections == 8u);
        BOOST_TEST(alive.use_count() > 8);
    }
    BOOST_TEST(alive.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(a_client_that_is_suspended_ends_with_its_runtime)
{
    const auto alive = std::make_shared<int>(0);
    {
        scenario run;
        auto [c, p] = run.connect();
        const auto read = run.start([](connection mine, std::shared_ptr<int> local) -> awaitable<void> {
            co_await mine.read_frame();
            *local = 1;
        }(std::move(c), alive));
        BOOST_TEST(!read.done());
        run.end_runtime();
        BOOST_TEST(alive.use_count() == 1);
    }
}
