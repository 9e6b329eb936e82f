// SPDX-License-Identifier: BSL-1.0

// The drain: each state that it may find a session in, what its report says, and what happens at its deadline.
#include <hawser/server.hpp>

#include <hawser/datagram.hpp>

#include "scenario.hpp"
#include "thrown.hpp"

#define BOOST_TEST_MODULE drain
#include <boost/test/unit_test.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

awaitable<void> echo(connection& c)
{
    while (const auto f = co_await c.read_frame())
        co_await c.write_frame(*f);
}

awaitable<void> wait_for_ever()
{
    boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, std::chrono::hours{24 * 365}};
    co_await timer.async_wait(boost::asio::use_awaitable);
}

void stop(server_scenario& run)
{
    run.server().drain();
    run.poll();
}

std::string take_all(peer& p)
{
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    return got;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_server_without_sessions_drains_at_once)
{
    server_scenario run;
    BOOST_TEST(!run.server().report());
    stop(run);
    BOOST_TEST_REQUIRE(run.server().report().has_value());
    BOOST_TEST(run.server().report()->clean());
    BOOST_TEST(run.server().report()->drained == 0u);
    BOOST_TEST(run.server().wait().drained == 0u);
    BOOST_TEST((run.seen().drains == std::vector<std::string>{"drain 0"}));
}

BOOST_AUTO_TEST_CASE(a_server_that_drains_does_not_listen_any_more)
{
    const auto refused = [](server_scenario& run) {
        BOOST_TEST(thrown_by([&] { run.server().listen("tcp://127.0.0.1:0", echo); }) ==
                   "tcp://127.0.0.1:0: listen once the server drains, which ends it for good");
        BOOST_TEST(thrown_by([&] {
                       listen_datagrams(run.server(), "udp://127.0.0.1:0",
                                        [](datagram_request&) -> awaitable<void> { co_return; });
                   }) == "udp://127.0.0.1:0: listen once the server drains, which ends it for good");
        BOOST_TEST(run.server().endpoints().empty());
    };
    server_scenario run;
    run.server().drain();
    refused(run); // before the drain's first step
    run.poll();
    refused(run);
    BOOST_TEST(run.server().report().has_value());
}

BOOST_AUTO_TEST_CASE(sessions_between_two_frames_end_and_are_counted)
{
    server_scenario run;
    peer fresh = run.open(echo);
    peer used = run.open(echo);
    used.send(frame("x"));
    peer parked = run.open(echo);
    parked.send(frame("x"));
    run.advance(500ms);
    run.advance(500ms);
    stop(run);
    for (peer* p : {&fresh, &used, &parked}) {
        BOOST_TEST(p->has_ended());
        BOOST_TEST(!p->was_reset());
        BOOST_TEST(!p->is_gone());
        p->end();
        BOOST_TEST(p->is_gone());
    }
    BOOST_TEST_REQUIRE(run.server().report().has_value());
    BOOST_TEST(run.server().report()->drained == 3u);
    BOOST_TEST(run.server().report()->clean());
    BOOST_TEST(run.server().statistics().completed == 3u);
    BOOST_TEST((run.seen().drains == std::vector<std::string>{"drain 3"}));
}

BOOST_AUTO_TEST_CASE(frames_that_have_arrived_are_answered_before_the_end)
{
    server_scenario run;
    peer p = run.open(echo);
    p.send(frame("warm-up"));
    p.received();
    p.send_later(frame("one") + frame("two"));
    stop(run);
    BOOST_TEST(take_all(p) == frame("one") + frame("two"));
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(run.server().report()->clean());
}

BOOST_AUTO_TEST_CASE(a_frame_that_has_begun_is_finished_and_answered)
{
    for (std::size_t cut = 1; cut < 9; ++cut) {
        BOOST_TEST_CONTEXT("stopped after byte " << cut)
        {
            server_scenario run;
            peer p = run.open(echo);
            const std::string whole = frame("hello");
            p.send(whole.substr(0, cut));
            stop(run);
            BOOST_TEST(!p.has_ended());
            run.advance(5s);
            p.send(whole.substr(cut));
            BOOST_TEST(take_all(p) == whole);
            BOOST_TEST(p.has_ended());
            p.end();
            BOOST_TEST(run.server().report()->drained == 1u);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_handler_that_is_busy_ends_when_it_reads_next)
{
    server_scenario run;
    auto [gate, opener] = run.connect();
    peer p = run.open([on = &gate](connection& c) -> awaitable<void> {
        const auto f = co_await c.read_frame();
        co_await on->read_frame();
        BOOST_TEST(c.draining());
        BOOST_TEST((c.state() == connection_state::draining));
        co_await c.write_frame(*f);
        const auto none = co_await c.read_frame();
        BOOST_TEST(!none.has_value());
    });
    p.send(frame("question"));
    stop(run);
    BOOST_TEST(!p.has_ended());
    opener.send(frame(""));
    BOOST_TEST(p.received() == frame("question"));
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(run.server().report()->drained == 1u);
}

BOOST_AUTO_TEST_CASE(output_that_is_pending_is_delivered_before_the_end)
{
    server_scenario run;
    peer p = run.open(echo);
    p.capacity(10);
    const std::string big(100'000, 'b');
    p.send(frame(big));
    stop(run);
    BOOST_TEST(!p.has_ended());
    p.send(frame("sent meanwhile"));
    BOOST_CHECK(take_all(p) == frame(big) + frame("sent meanwhile"));
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(run.server().report()->clean());
}

BOOST_AUTO_TEST_CASE(reads_yield_nothing_for_ever_once_they_have_ended_at_drain)
{
    server_scenario run;
    auto [gate, opener] = run.connect();
    std::string got;
    peer p = run.open([&got, on = &gate](connection& c) -> awaitable<void> {
        const auto first = co_await c.read_frame();
        got += first ? *first : "(nothing)";
        co_await on->read_frame();
        const auto second = co_await c.read_frame();
        got += second ? *second : "(nothing)";
        const auto third = co_await c.read_some();
        got += third ? *third : "(nothing)";
    });
    stop(run);
    BOOST_TEST(got == "(nothing)");
    p.send(frame("too late"));
    opener.send(frame(""));
    BOOST_TEST(got == "(nothing)(nothing)(nothing)");
    BOOST_TEST(p.has_ended());
    BOOST_TEST(!p.was_reset());
}

BOOST_AUTO_TEST_CASE(a_unit_that_is_open_is_waited_for)
{
    server_scenario run;
    peer p = run.open([](connection& c) -> awaitable<void> {
        unit u = c.begin_unit();
        co_await c.read_some();
        co_await c.read_some();
        u.end();
        BOOST_TEST(c.draining());
        const auto none = co_await c.read_some();
        BOOST_TEST(!none.has_value());
    });
    p.send("first");
    stop(run);
    BOOST_TEST(!p.has_ended());
    p.send("second");
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(run.server().report()->clean());
}

BOOST_AUTO_TEST_CASE(a_session_that_begins_after_the_drain_ends_after_its_queued_frames)
{
    server_scenario run;
    peer holds_it_open = run.open(echo);
    holds_it_open.send(std::string(1, '\0'));
    stop(run);
    peer late = run.open(echo, frame("queued"));
    BOOST_TEST(late.received() == frame("queued"));
    BOOST_TEST(late.has_ended());
    late.end();
    holds_it_open.reset();
    BOOST_TEST(run.server().report()->drained == 2u);
}

BOOST_AUTO_TEST_CASE(a_second_drain_does_nothing)
{
    server_scenario run;
    peer p = run.open(echo);
    run.server().drain();
    run.server().drain();
    run.poll();
    p.end();
    run.server().drain();
    run.poll();
    BOOST_TEST(run.seen().drains.size() == 1u);
    BOOST_TEST(run.seen().reports.size() == 1u);
    BOOST_TEST(run.server().report()->drained == 1u);
}

// ---- The deadline

BOOST_AUTO_TEST_CASE(what_is_open_at_the_deadline_is_reset_cancelled_and_named)
{
    struct {
        const char* name;
        session_handler handler;
        std::string sent;
        wait_kind waiting_for;
    } const table[] = {
        {"in a frame", echo, std::string("\0\0", 2), wait_kind::input},
        {"in a timer", [](connection&) -> awaitable<void> { co_await wait_for_ever(); }, "", wait_kind::nothing},
        {"waiting for room",
         [](connection& c) -> awaitable<void> {
             co_await c.read_frame();
             co_await c.write(std::string(1'000'000, 'x'));
         },
         frame(""), wait_kind::output_room},
        {"waiting for a flush",
         [](connection& c) -> awaitable<void> {
             co_await c.read_frame();
             co_await c.write("x");
             co_await c.flush();
         },
         frame(""), wait_kind::output_flushed},
        {"pending output at a drain point", echo, frame("x"), wait_kind::output_flushed},
        {"waiting for the end", [](connection& c) -> awaitable<void> { co_await c.closed(); }, "", wait_kind::nothing},
        {"closing with output pending",
         [](connection& c) -> awaitable<void> {
             co_await c.read_frame();
             co_await c.write("x");
         },
         frame(""), wait_kind::output_flushed},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            server_scenario run{{.timeouts = {.idle = never, .frame = never, .write = never, .drain = 30s}}};
            peer p = run.open(t.handler);
            p.capacity(0);
            p.send(t.sent);
            stop(run);
            run.advance(30s - 1ns);
            BOOST_TEST(!run.server().report());
            BOOST_TEST(!p.is_gone());
            run.advance(1ns);
            BOOST_TEST(p.was_reset());
            BOOST_TEST(p.is_gone());
            BOOST_TEST_REQUIRE(run.server().report().has_value());
            const drain_report report = *run.server().report();
            BOOST_TEST(report.drained == 0u);
            BOOST_TEST(!report.clean());
            BOOST_TEST_REQUIRE(report.cut.size() == 1u);
            BOOST_TEST(report.cut[0].peer.to_string() == "tcp://127.0.0.1:50001");
            BOOST_TEST((report.cut[0].waiting_for == t.waiting_for));
            BOOST_TEST((report.cut[0].age == 30s));
            BOOST_TEST(!report.cut[0].abandoned);
            BOOST_TEST(!report.cut[0].blocks_loop);
            BOOST_TEST((report.took == 30s));
            BOOST_TEST(run.last_end() == "cut: drain_timeout");
        }
    }
}

BOOST_AUTO_TEST_CASE(sessions_that_end_and_sessions_that_are_cut_are_counted_apart)
{
    server_scenario run;
    peer good = run.open(echo);
    peer bad = run.open([](connection&) -> awaitable<void> { co_await wait_for_ever(); });
    stop(run);
    good.end();
    BOOST_TEST(!run.server().report());
    run.advance(30s);
    BOOST_TEST_REQUIRE(run.server().report().has_value());
    BOOST_TEST(run.server().report()->drained == 1u);
    BOOST_TEST(run.server().report()->cut.size() == 1u);
    BOOST_TEST(run.server().report()->to_string() ==
               "drained 1 connections in 30.0 s, cut 1\n"
               "cut 127.0.0.1:50002 after 30.0 s: it waits for nothing of the connection's");
}

BOOST_AUTO_TEST_CASE(a_handler_is_told_of_the_cut_by_its_cause)
{
    server_scenario run;
    std::string told;
    peer p = run.open([&told](connection& c) -> awaitable<void> {
        try {
            co_await c.read_exactly(100);
        } catch (const system_error& e) {
            told = symbol(e.code());
        }
    });
    p.send("x");
    stop(run);
    run.advance(10s + 2ms); // the frame deadline is earlier than the drain's
    BOOST_TEST(told == "frame_timeout");

    server_scenario again{{.timeouts = {.frame = never}}};
    peer q = again.open([&told](connection& c) -> awaitable<void> {
        try {
            co_await c.read_exactly(100);
        } catch (const system_error& e) {
            told = symbol(e.code());
        }
    });
    q.send("x");
    stop(again);
    again.advance(30s);
    BOOST_TEST(told == "drain_timeout");
    BOOST_TEST(again.last_end() == "cut: drain_timeout");
}

BOOST_AUTO_TEST_CASE(abort_cuts_at_once)
{
    server_scenario run;
    peer p = run.open([](connection&) -> awaitable<void> { co_await wait_for_ever(); });
    peer idle = run.open(echo);
    run.server().abort();
    run.poll();
    BOOST_TEST(p.was_reset());
    BOOST_TEST_REQUIRE(run.server().report().has_value());
    BOOST_TEST(run.server().report()->cut.size() >= 1u);
    BOOST_TEST((run.server().report()->took == duration::zero()));
}

BOOST_AUTO_TEST_CASE(a_cut_of_several_turns_reaches_every_session_though_some_leave_between_them)
{
    constexpr std::size_t sessions = 1400; // 256 are cut in a turn
    constexpr std::size_t further_on = 1024;
    server_scenario run{{.limits = {.connections = 2 * sessions}}};
    std::vector<connection_handle> all;
    const auto takes_another_along = [&all](connection& c) -> awaitable<void> {
        const std::size_t number = all.size();
        all.push_back(c.handle());
        try {
            co_await c.read_frame();
        } catch (const system_error&) {
        }
        if (number + further_on < all.size())
            all[number + further_on].post([](connection& other) { other.reset(); });
    };
    std::vector<peer> peers;
    for (std::size_t i = 0; i < sessions; ++i)
        peers.push_back(run.open(takes_another_along));
    run.server().abort();
    run.poll();
    const auto report = run.server().report();
    BOOST_TEST_REQUIRE(report.has_value());
    BOOST_TEST(report->drained > 0u); // those that have left before their turn came
    BOOST_TEST(report->cut.size() + report->drained == sessions);
    for (const cut_session& each : report->cut)
        BOOST_TEST(!each.abandoned);
    BOOST_TEST(run.server().statistics().connections == 0u);
}

BOOST_AUTO_TEST_CASE(a_handler_that_ignores_cancellation_is_abandoned_and_named)
{
    // What is abandoned is kept for good, and with it the clock that its loop reads.
    static auto& run = *new server_scenario;
    peer p = run.open([](connection&) -> awaitable<void> {
        co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
        co_await wait_for_ever();
    });
    stop(run);
    run.advance(30s);
    BOOST_TEST(p.was_reset());
    BOOST_TEST(!run.server().report());
    BOOST_TEST(run.last_end().empty());
    run.advance(100ms);
    BOOST_TEST_REQUIRE(run.server().report().has_value());
    BOOST_TEST_REQUIRE(run.server().report()->cut.size() == 1u);
    BOOST_TEST(run.server().report()->cut[0].abandoned);
    BOOST_TEST(run.server().report()->to_string() ==
               "drained 0 connections in 30.1 s, cut 1\n"
               "cut 127.0.0.1:50001 after 30.0 s: it waits for nothing of the connection's; abandoned");
    run.end_runtime();
}
