// SPDX-License-Identifier: BSL-1.0

// Parsing in place: what a protocol uses whose units only its parser can end.
#include <hawser/connection.hpp>

#include "scenario.hpp"

#define BOOST_TEST_MODULE in_place
#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;

namespace {

detail::settings with(const timeouts& t)
{
    return {.timeouts = t, .look_every = detail::look_interval(t)};
}

} // namespace

BOOST_AUTO_TEST_CASE(nothing_is_buffered_before_a_read)
{
    scenario run;
    auto [c, p] = run.connect();
    p.send("abc");
    BOOST_TEST(c.buffered() == "");
}

BOOST_AUTO_TEST_CASE(what_is_not_consumed_stays_buffered_with_what_follows_it)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto first = run.start(c.fill(0));
    p.send("one two");
    BOOST_TEST(text(first) == "one two");
    c.consume(4);
    BOOST_TEST(c.buffered() == "two");
    const auto more = run.start(c.fill(3));
    BOOST_TEST(!more.done());
    p.send(" three");
    BOOST_TEST(text(more) == "two three");
    BOOST_TEST(c.statistics().frames_in == 1u);
}

BOOST_AUTO_TEST_CASE(more_than_what_is_there_is_waited_for_and_not_one_byte_further)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto read = run.start(c.fill(0));
    p.send("abcd");
    const auto same = run.start(c.fill(3));
    BOOST_TEST(text(same) == "abcd");
    const auto further = run.start(c.fill(4));
    BOOST_TEST(!further.done());
    p.send("e");
    BOOST_TEST(text(further) == "abcde");
}

BOOST_AUTO_TEST_CASE(a_wait_for_more_than_is_there_goes_on_until_there_is)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto whole = run.start(c.fill(9));
    for (const char* piece : {"a", "bcd", "efghi"}) {
        p.send(piece);
        BOOST_TEST(!whole.done());
    }
    p.send("j");
    BOOST_TEST(text(whole) == "abcdefghij");
}

BOOST_AUTO_TEST_CASE(a_unit_larger_than_every_buffer_stays_in_one_piece)
{
    scenario run;
    auto [c, p] = run.connect();
    const std::string whole(300'000, 'x');
    std::size_t have = 0;
    p.send_later(whole);
    while (have < whole.size()) {
        const auto read = run.start(c.fill(have));
        BOOST_REQUIRE(read.done());
        have = read.value()->size();
    }
    BOOST_TEST(c.buffered() == whole);
}

BOOST_AUTO_TEST_CASE(more_than_was_received_cannot_be_consumed)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto read = run.start(c.fill(0));
    p.send("abc");
    BOOST_CHECK_THROW(c.consume(4), std::out_of_range);
    c.consume(3);
    BOOST_CHECK_THROW(c.consume(1), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(a_frame_that_was_read_is_not_received_again)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto read = run.start(c.read_frame());
    p.send(frame("a frame") + "and bytes");
    BOOST_TEST(text(read) == "a frame");
    BOOST_TEST(c.buffered() == "and bytes");
    c.consume(4);
    BOOST_TEST(c.buffered() == "bytes");
}

BOOST_AUTO_TEST_CASE(the_end_of_the_stream_is_clean_before_a_unit_and_an_error_inside_one)
{
    {
        scenario run;
        auto [c, p] = run.connect();
        const auto read = run.start(c.fill(0));
        p.end();
        BOOST_TEST(text(read) == "(nothing)");
    }
    {
        scenario run;
        auto [c, p] = run.connect();
        const auto first = run.start(c.fill(0));
        p.send("half");
        const auto read = run.start(c.fill(4));
        p.end();
        BOOST_TEST(read.outcome() == "unexpected_end");
        BOOST_TEST(read.what() == "stream ended after 4 of 5 bytes");
    }
    {
        scenario run;
        auto [c, p] = run.connect();
        const unit open = c.begin_unit();
        const auto read = run.start(c.fill(0));
        p.end();
        BOOST_TEST(read.outcome() == "unexpected_end");
    }
}

BOOST_AUTO_TEST_CASE(after_64_units_at_once_the_others_get_their_turn)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto read = run.start(c.fill(0));
    p.send(std::string(100, '.'));
    std::size_t units = 0;
    for (; !c.buffered().empty(); ++units)
        c.consume(1);
    BOOST_TEST(units == 64u);
    const auto next = run.start(c.fill(0));
    BOOST_TEST(text(next) == std::string(36, '.'));
}

BOOST_AUTO_TEST_CASE(a_unit_may_take_what_it_is_allowed_counted_from_the_first_allowance)
{
    scenario run;
    auto [c, p] = run.connect(with({.idle = never, .frame = 10s, .write = never, .drain = never}));
    const auto head = run.start(c.fill(0));
    p.send("head");
    unit u = c.begin_unit();
    const auto rest = run.start(c.fill(4));
    run.steps(9s, 100ms);
    p.send("+");
    BOOST_TEST(text(rest) == "head+");
    c.consume(5);
    u.allow(5s);
    auto body = run.start(c.fill(0));
    run.steps(4s, 100ms);
    p.send("b");
    BOOST_TEST(text(body) == "b");
    c.consume(1);
    u.allow(6s); // of which 4 are spent
    body = run.start(c.fill(0));
    run.steps(2s - 1ns, 100ms);
    BOOST_TEST(!body.done());
    run.advance(1ns);
    BOOST_TEST(body.outcome() == "frame_timeout");
}

BOOST_AUTO_TEST_CASE(the_next_unit_has_the_frame_timeout_again)
{
    scenario run;
    auto [c, p] = run.connect(with({.idle = never, .frame = 10s, .write = never, .drain = never}));
    unit u = c.begin_unit();
    u.allow(never);
    auto read = run.start(c.fill(0));
    run.steps(100s, 1s);
    p.send("x");
    BOOST_TEST(text(read) == "x");
    c.consume(1);
    u.end();
    u = c.begin_unit();
    read = run.start(c.fill(0));
    run.steps(10s - 1ns, 100ms);
    BOOST_TEST(!read.done());
    run.advance(1ns);
    BOOST_TEST(read.outcome() == "frame_timeout");
}

BOOST_AUTO_TEST_CASE(bytes_are_written_at_once_below_the_high_water_mark_and_refused_at_it)
{
    scenario run;
    auto [c, p] = run.connect({.high_water = 100, .low_water = 10});
    p.capacity(0);
    BOOST_TEST(c.try_write(std::string(99, 'a')));
    BOOST_TEST(c.try_write("b"));
    BOOST_TEST(!c.try_write("c"));
    p.capacity(1000);
    run.poll();
    BOOST_TEST(p.received() == std::string(99, 'a') + "b");
    BOOST_TEST(c.try_write("c"));
}
