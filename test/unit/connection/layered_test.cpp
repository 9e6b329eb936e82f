// SPDX-License-Identifier: BSL-1.0

// A protocol of a user's own, which has nothing but <hawser/connection.hpp>: statements that end with a semicolon
// outside of quotes, each answered with itself, in two pieces.
#include <hawser/connection.hpp>

#include <hawser/test/sweep.hpp>

#include "scenario.hpp"
#include "thrown.hpp"

#define BOOST_TEST_MODULE layered
#include <boost/test/unit_test.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <set>
#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;

namespace {

// Of the statement at the front; 0: it has not come to its end.
std::size_t size_of_statement(bytes_view input)
{
    bool quoted = false;
    for (std::size_t i = 0; i < input.size(); ++i) {
        if (input[i] == '\'')
            quoted = !quoted;
        else if (input[i] == ';' && !quoted)
            return i + 1;
    }
    return 0;
}

// 0: there is none any more.
awaitable<std::size_t> read_statement(connection& peer)
{
    unit begun;
    bytes_view input = peer.buffered();
    std::size_t size = size_of_statement(input);
    while (size == 0) {
        if (!input.empty() && !begun.is_open()) {
            begun = peer.begin_unit();
            begun.allow(5s);
        }
        co_await peer.wait_for_input(input.size());
        input = peer.buffered();
        if (input.empty())
            co_return 0;
        size = size_of_statement(input);
    }
    begun.end();
    co_return size;
}

awaitable<void> answer_statements(connection& peer)
{
    for (;;) {
        const std::size_t size = co_await read_statement(peer);
        if (size == 0)
            co_return;
        const bytes_view statement = peer.buffered().substr(0, size);
        const bool last = peer.draining() && !peer.has_more_than(size);
        peer.answered(answer_state::part);
        co_await peer.write(last ? "last:" : "");
        if (statement == "throw;")
            throw std::runtime_error{"in the middle"};
        if (statement == "read;")
            co_await peer.wait_for_input(size);
        co_await peer.write(statement);
        peer.answered(answer_state::whole);
        if (statement == "throw behind;")
            throw std::runtime_error{"behind"};
        peer.consume(size);
        if (last)
            co_return;
    }
}

const std::string three = "insert 'a;b';'';select;";
const std::size_t last_of_three = three.rfind("select;");
const std::set<std::size_t> between = {0, 13, 16, three.size()};

awaitable<void> wait(connection& c, std::size_t have)
{
    co_await c.wait_for_input(have);
}

// Which of the two it was.
awaitable<std::size_t> wait_or_closed(connection& c)
{
    using namespace boost::asio::experimental::awaitable_operators;
    const auto which = co_await (c.wait_for_input(0)(boost::asio::use_awaitable) || c.closed());
    co_return which.index();
}

void stop(server_scenario& run)
{
    run.server().drain();
    run.poll();
}

} // namespace

BOOST_AUTO_TEST_CASE(units_are_found_wherever_the_stream_is_cut)
{
    for (std::size_t cut = 1; cut < three.size(); ++cut) {
        BOOST_TEST_CONTEXT("cut at byte " << cut)
        {
            server_scenario run;
            peer p = run.open(answer_statements);
            p.send(three.substr(0, cut));
            p.send(three.substr(cut));
            BOOST_TEST(p.received() == three);
            p.end();
            BOOST_TEST(run.last_end() == "completed");
        }
    }
}

BOOST_AUTO_TEST_CASE(units_that_are_there_already_are_answered_without_another_wait)
{
    server_scenario run;
    peer p = run.open(answer_statements, three + "begun");
    BOOST_TEST(p.received() == three);
    BOOST_TEST(p.writes() == 1u);
    p.send(";");
    BOOST_TEST(p.received() == "begun;");
}

BOOST_AUTO_TEST_CASE(a_drain_waits_for_the_unit_that_has_begun_and_for_those_behind_it)
{
    for (std::size_t cut = 0; cut <= three.size(); ++cut) {
        BOOST_TEST_CONTEXT("drained at byte " << cut)
        {
            server_scenario run;
            peer p = run.open(answer_statements);
            if (cut != 0)
                p.send(three.substr(0, cut));
            stop(run);
            if (between.contains(cut)) {
                BOOST_TEST(p.received() == three.substr(0, cut));
            } else {
                BOOST_TEST(!p.has_ended());
                p.send(three.substr(cut));
                BOOST_TEST(p.received() == three.substr(0, last_of_three) + "last:select;");
            }
            BOOST_TEST(p.has_ended());
            p.end();
            BOOST_TEST(run.server().report()->clean());
        }
    }
}

BOOST_AUTO_TEST_CASE(the_stream_s_end_inside_a_unit_is_an_error_and_the_answers_before_it_arrive)
{
    for (std::size_t cut = 0; cut <= three.size(); ++cut) {
        BOOST_TEST_CONTEXT("ended at byte " << cut)
        {
            server_scenario run;
            peer p = run.open(answer_statements);
            p.send(three.substr(0, cut));
            p.end();
            BOOST_TEST(p.received() == three.substr(0, *std::prev(between.upper_bound(cut))));
            BOOST_TEST(!p.was_reset());
            BOOST_TEST(run.last_end() == (between.contains(cut) ? "completed" : "failed: unexpected_end"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_part_of_an_answer_ends_in_a_reset_however_the_session_fails_and_a_whole_one_does_not)
{
    struct {
        const char* sent;
        const char* end;
        bool reset;
    } const table[] = {
        {"one;throw;", "threw: in the middle", true},
        {"one;throw behind;", "threw: behind", false},
        {"one;read;", "failed: frame_timeout", true},
        {"one;half", "failed: frame_timeout", false},
    };
    for (const auto& row : table) {
        BOOST_TEST_CONTEXT(row.sent)
        {
            server_scenario run;
            peer p = run.open(answer_statements);
            p.send(row.sent);
            BOOST_TEST(p.received().starts_with("one;"));
            run.steps(20s, 100ms);
            BOOST_TEST(p.was_reset() == row.reset);
            if (!row.reset) {
                BOOST_TEST(p.has_ended());
                p.end();
            }
            BOOST_TEST(run.last_end() == row.end);
        }
    }
}

BOOST_AUTO_TEST_CASE(it_ends_when_any_step_fails_and_when_any_suspension_is_cancelled)
{
    const auto talk = [](world& run) {
        peer p = run.open(answer_statements);
        p.send("on");
        p.send("e;two;thr");
        p.send("ee;");
        p.end();
        const std::string got = p.received();
        if (!run.disturbed())
            BOOST_TEST(got == "one;two;three;");
    };
    const sweep_options quietly{.print = false};
    BOOST_CHECK_NO_THROW(fail_each_step("statements", talk, quietly));
    BOOST_CHECK_NO_THROW(cancel_each_suspension("statements", talk, quietly));
}

// ---- The members, one by one

BOOST_AUTO_TEST_CASE(a_wait_completes_with_more_than_there_is_and_at_the_end_with_nothing)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto first = run.start(wait(c, 2));
    p.send("ab");
    BOOST_TEST(!first.done());
    p.send("c");
    BOOST_TEST(first.outcome() == "done");
    BOOST_TEST(c.buffered() == "abc");
    BOOST_TEST(run.start(wait(c, 0)).outcome() == "done"); // they are there
    BOOST_TEST(c.buffered() == "abc");
    c.consume(3);
    const auto last = run.start(wait(c, 0));
    p.end();
    BOOST_TEST(last.outcome() == "done");
    BOOST_TEST(c.buffered() == "");
}

BOOST_AUTO_TEST_CASE(a_second_wait_is_refused_and_the_first_goes_on)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto first = run.start(wait(c, 0));
    BOOST_TEST(run.start(wait(c, 0)).outcome() == "two reads of one connection at once");
    BOOST_TEST(!first.done());
    p.send("x");
    BOOST_TEST(first.outcome() == "done");
}

BOOST_AUTO_TEST_CASE(a_wait_can_be_awaited_beside_other_work)
{
    for (const bool sends : {true, false}) {
        scenario run;
        auto [c, p] = run.connect();
        const auto which = run.start(wait_or_closed(c));
        if (sends) {
            p.send("x");
            BOOST_TEST(which.value() == 0u);
        } else {
            p.end();
            BOOST_TEST(which.done());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_wait_that_is_cancelled_has_lost_nothing_and_the_connection_goes_on)
{
    scenario run;
    auto [c, p] = run.connect();
    c.cancel_read(); // nobody waits
    auto read = run.start(wait(c, 2));
    p.send("ab");
    c.cancel_read();
    run.poll();
    BOOST_TEST(read.outcome() == "ECANCELED");
    BOOST_TEST(!c.has_failed());
    BOOST_TEST(c.buffered() == "ab");
    read = run.start(wait(c, 2));
    p.send("c");
    BOOST_TEST(read.outcome() == "done");
    p.reset();
    BOOST_TEST(run.start(wait(c, 3)).outcome() == "ECONNRESET");
    BOOST_TEST(c.has_failed());
}

BOOST_AUTO_TEST_CASE(a_unit_that_was_left_goes_on_with_its_clock_and_one_that_has_ended_does_not)
{
    for (const bool ended : {true, false}) {
        scenario run;
        const timeouts t{.idle = never, .frame = 10s, .write = never, .drain = never};
        auto [c, p] = run.connect({.timeouts = t, .look_every = detail::look_interval(t)});
        unit u = c.begin_unit();
        u.allow(5s);
        auto read = run.start(wait(c, 0));
        run.steps(3s, 100ms);
        read.cancel();
        if (ended)
            u.end();
        u = {};
        u = c.begin_unit();
        u.allow(5s);
        read = run.start(wait(c, 0));
        run.steps(2s, 100ms);
        BOOST_TEST(read.done() == !ended);
        run.steps(3s, 100ms);
        BOOST_TEST(read.outcome() == "frame_timeout");
    }
}

BOOST_AUTO_TEST_CASE(time_that_was_allowed_without_end_does_not_count)
{
    scenario run;
    const timeouts t{.idle = never, .frame = 10s, .write = never, .drain = never};
    auto [c, p] = run.connect({.timeouts = t, .look_every = detail::look_interval(t)});
    unit u = c.begin_unit();
    u.allow(never);
    auto read = run.start(wait(c, 0));
    run.steps(100s, 1s);
    p.send("x");
    u.allow(5s);
    read = run.start(wait(c, 1));
    run.steps(5s - 1ns, 100ms);
    BOOST_TEST(!read.done());
    run.advance(1ns);
    BOOST_TEST(read.outcome() == "frame_timeout");
}

BOOST_AUTO_TEST_CASE(a_unit_is_open_until_it_ends_or_goes_and_there_is_one_at_a_time)
{
    scenario run;
    auto [c, p] = run.connect();
    unit u = c.begin_unit();
    BOOST_TEST(u.is_open());
    BOOST_TEST(thrown_by([&] { c.begin_unit().end(); }) == "two units of one connection at once");
    unit moved = std::move(u);
    BOOST_TEST(!u.is_open()); // NOLINT(bugprone-use-after-move)
    BOOST_TEST(moved.is_open());
    moved.end();
    moved.end();
    BOOST_TEST(thrown_by([&] { moved.allow(1s); }) == "allow: the unit has ended");
    {
        const unit left = c.begin_unit();
        BOOST_TEST(left.is_open());
    }
    BOOST_TEST(c.begin_unit().is_open());
}

BOOST_AUTO_TEST_CASE(there_is_room_below_the_high_water_mark)
{
    scenario run;
    auto [c, p] = run.connect({.high_water = 100, .low_water = 10});
    p.capacity(0);
    BOOST_TEST(c.has_room());
    BOOST_TEST(c.try_write(std::string(99, 'x')));
    BOOST_TEST(c.has_room());
    BOOST_TEST(c.try_write("x"));
    BOOST_TEST(!c.has_room());
    p.capacity(1000);
    BOOST_TEST(c.has_room());
}

BOOST_AUTO_TEST_CASE(more_than_was_received_is_seen_before_it_is_read)
{
    scenario run;
    auto [c, p] = run.connect();
    BOOST_TEST(!c.has_more_than(0));
    const auto read = run.start(wait(c, 0));
    p.send("abc");
    BOOST_TEST(c.has_more_than(2));
    BOOST_TEST(!c.has_more_than(3));
}
