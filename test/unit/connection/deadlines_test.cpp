// SPDX-License-Identifier: BSL-1.0

// A connection's deadlines, by cause, to the nanosecond; and parking, which the same wheel does.
#include <hawser/connection.hpp>

#include "scenario.hpp"

#define BOOST_TEST_MODULE deadlines
#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace std::string_literals;

namespace {

constexpr duration tick = 1ns;

// The default timeouts, with these instead; nothing else cuts.
constexpr timeouts only_idle{.idle = 75s, .frame = never, .write = never, .drain = never};
constexpr timeouts only_frame{.idle = never, .frame = 10s, .write = never, .drain = never};
constexpr timeouts only_write{.idle = never, .frame = never, .write = 30s, .drain = never};

detail::settings with(const timeouts& t)
{
    return {.timeouts = t, .look_every = detail::look_interval(t)};
}

} // namespace

// ---- Idle

BOOST_AUTO_TEST_CASE(an_idle_connection_is_cut_exactly_at_its_deadline)
{
    for (const duration step : {duration{100ms}, duration{1s}, duration{75s}}) {
        BOOST_TEST_CONTEXT("in steps of " << step.count() << " ns")
        {
            scenario run;
            auto [c, p] = run.connect(with(only_idle));
            const auto read = run.start(c.read_frame());
            run.steps(75s - tick, step);
            BOOST_TEST(!read.done());
            run.advance(tick);
            BOOST_TEST(read.outcome() == "idle_timeout");
            BOOST_TEST(run.start(c.write_frame("x")).outcome() == "idle_timeout");
        }
    }
}

BOOST_AUTO_TEST_CASE(idle_counts_from_the_last_byte_either_way)
{
    scenario run;
    auto [c, p] = run.connect(with(only_idle));
    auto read = run.start(c.read_frame());
    run.advance(74s);
    p.send(frame("in"));
    read = run.start(c.read_frame());
    run.advance(74s);
    BOOST_TEST(!read.done());
    run.start(c.write_frame("out"));
    run.advance(75s - tick);
    BOOST_TEST(!read.done());
    run.advance(tick);
    BOOST_TEST(read.outcome() == "idle_timeout");
}

BOOST_AUTO_TEST_CASE(idle_runs_only_while_the_handler_reads_between_two_frames)
{
    scenario run;
    auto [c, p] = run.connect(with(only_idle));
    run.steps(1000s, 50s); // not reading
    auto read = run.start(c.read_frame());
    run.advance(75s - tick);
    BOOST_TEST(!read.done());
    p.send("\0"s); // a frame has begun: its clock runs instead, and is off
    run.steps(1000s, 50s);
    BOOST_TEST(!read.done());
}

BOOST_AUTO_TEST_CASE(never_waits_for_ever)
{
    scenario run;
    auto [c, p] = run.connect(with({.idle = never, .frame = never, .write = never, .drain = never}));
    auto read = run.start(c.read_frame());
    run.advance(24h * 365);
    BOOST_TEST(!read.done());
    p.send("\0\0"s);
    run.advance(24h * 365);
    p.capacity(0);
    const auto write = run.start(c.write_frame("stuck"));
    run.advance(24h * 365);
    p.send("\0\1!"s);
    BOOST_TEST(text(read) == "!");
    BOOST_TEST(write.outcome() == "done");
}

BOOST_AUTO_TEST_CASE(deadlines_may_be_changed_while_the_connection_stands)
{
    scenario run;
    auto [c, p] = run.connect(with(only_idle));
    BOOST_TEST((c.timeouts().idle == 75s));
    c.set_timeouts({.idle = 5s, .frame = 10s, .write = 30s, .drain = 30s});
    BOOST_TEST((c.timeouts().idle == 5s));
    const auto read = run.start(c.read_frame());
    run.advance(5s - tick);
    BOOST_TEST(!read.done());
    run.advance(tick);
    BOOST_TEST(read.outcome() == "idle_timeout");
    BOOST_CHECK_THROW(c.set_timeouts({.idle = 0s}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_deadline_changed_from_never_is_kept_from_the_next_operation_on)
{
    scenario run;
    auto [c, p] = run.connect(with({.idle = never, .frame = never, .write = never, .drain = never}));
    auto read = run.start(c.read_frame());
    run.advance(1h);
    c.set_timeouts(only_idle);
    p.send(frame("next"));
    BOOST_TEST(text(read) == "next");
    read = run.start(c.read_frame());
    run.advance(75s - tick);
    BOOST_TEST(!read.done());
    run.advance(tick);
    BOOST_TEST(read.outcome() == "idle_timeout");
}

// ---- The frame clock

BOOST_AUTO_TEST_CASE(a_slow_sender_of_a_head_is_cut_exactly_at_the_frame_deadline)
{
    for (std::size_t sent = 1; sent <= 3; ++sent) {
        BOOST_TEST_CONTEXT(sent << " bytes of the prefix")
        {
            scenario run;
            auto [c, p] = run.connect(with(only_frame));
            const auto read = run.start(c.read_frame());
            run.advance(1000s);
            for (std::size_t i = 0; i < sent; ++i)
                p.send("\0"s);
            run.steps(9s, 1s);
            BOOST_TEST(!read.done());
            if (sent < 3)
                p.send("\0"s); // at 0.9 of the deadline, to no avail
            run.steps(1s - tick, 300ms);
            BOOST_TEST(!read.done());
            run.advance(tick);
            BOOST_TEST(read.outcome() == "frame_timeout");
        }
    }
}

BOOST_AUTO_TEST_CASE(bytes_that_arrive_never_extend_the_frame_deadline)
{
    scenario run;
    auto [c, p] = run.connect(with(only_frame));
    const auto read = run.start(c.read_frame());
    p.send(frame(std::string(65'536 - 4, 'x')).substr(0, 4)); // 64 KiB in all: 11 s
    for (int i = 0; i < 10; ++i) {
        run.advance(1s);
        p.send("x");
    }
    run.advance(1s - tick);
    BOOST_TEST(!read.done());
    p.send("x");
    run.advance(tick);
    BOOST_TEST(read.outcome() == "frame_timeout");
}

BOOST_AUTO_TEST_CASE(the_frame_deadline_grows_by_a_second_for_each_64_kib_announced)
{
    struct {
        const char* name;
        std::size_t payload;
        duration allowed;
    } const table[] = {
        {"32 KiB", 32 * 1024, 10'500ms},
        {"64 KiB", 64 * 1024, 11s},
        {"1 MiB", 1024 * 1024, 26s},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            scenario run;
            auto [c, p] = run.connect(with(only_frame));
            const auto read = run.start(c.read_frame());
            p.send(frame(std::string(t.payload, 'x')).substr(0, t.payload));
            run.steps(t.allowed, 1s); // the head of 4 bytes counts too: 61 us
            BOOST_TEST(!read.done());
            run.advance(62us);
            BOOST_TEST(read.outcome() == "frame_timeout");
        }
    }
}

BOOST_AUTO_TEST_CASE(the_frame_clock_runs_only_while_the_session_reads)
{
    scenario run;
    auto [c, p] = run.connect(with(only_frame));
    auto read = run.start(c.read_frame());
    p.send("\0\0"s);
    run.advance(6s);
    read.cancel();
    run.advance(1000s); // busy elsewhere
    read = run.start(c.read_frame());
    run.advance(4s - tick);
    BOOST_TEST(!read.done());
    run.advance(tick);
    BOOST_TEST(read.outcome() == "frame_timeout");
}

BOOST_AUTO_TEST_CASE(each_frame_has_a_clock_of_its_own)
{
    scenario run;
    auto [c, p] = run.connect(with(only_frame));
    for (int i = 0; i < 5; ++i) {
        const auto read = run.start(c.read_frame());
        p.send(frame("abc").substr(0, 5));
        run.steps(9s, 1s);
        p.send("bc");
        BOOST_TEST(text(read) == "abc");
    }
}

BOOST_AUTO_TEST_CASE(read_of_n_bytes_has_the_frame_clock_once_its_first_byte_is_there)
{
    scenario run;
    auto [c, p] = run.connect(with(only_frame));
    const auto read = run.start(c.read_exactly(2));
    run.advance(1000s);
    BOOST_TEST(!read.done());
    p.send("1");
    run.advance(10s);
    BOOST_TEST(!read.done()); // 2 bytes were announced: 30 us
    run.advance(31us);
    BOOST_TEST(read.outcome() == "frame_timeout");
}

BOOST_AUTO_TEST_CASE(within_a_unit_reads_have_the_frame_clock_and_not_the_idle_one)
{
    scenario run;
    auto [c, p] = run.connect(with({.idle = 1s, .frame = 10s, .write = never, .drain = never}));
    unit u = c.begin_unit();
    auto read = run.start(c.read_some());
    run.advance(6s);
    p.send("part");
    BOOST_TEST(text(read) == "part");
    run.advance(100s);
    read = run.start(c.read_some());
    run.advance(4s - tick);
    BOOST_TEST(!read.done());
    p.send("more");
    u.end();
    read = run.start(c.read_some());
    run.advance(1s - tick);
    BOOST_TEST(!read.done());
    run.advance(tick);
    BOOST_TEST(read.outcome() == "idle_timeout");
}

BOOST_AUTO_TEST_CASE(a_unit_that_takes_too_long_is_cut_at_the_frame_deadline)
{
    scenario run;
    auto [c, p] = run.connect(with(only_frame));
    unit u = c.begin_unit();
    auto read = run.start(c.read_some());
    for (int i = 0; i < 9; ++i) {
        run.advance(1s);
        p.send("x");
        read = run.start(c.read_some());
    }
    run.advance(1s - tick);
    BOOST_TEST(!read.done());
    run.advance(tick);
    BOOST_TEST(read.outcome() == "frame_timeout");
}

// ---- The write rule

BOOST_AUTO_TEST_CASE(a_reader_of_240_bytes_a_second_is_kept_and_a_slower_one_is_cut)
{
    struct {
        const char* name;
        std::size_t taken; // of each 30 s
        bool cut;
    } const table[] = {
        {"nothing", 0, true},
        {"one byte less", 7199, true},
        {"exactly 240 bytes a second", 7200, false},
        {"30 KB a second", 900'000, false},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            scenario run;
            auto settings = with(only_write);
            settings.high_water = 16 * 1024 * 1024;
            auto [c, p] = run.connect(settings);
            p.capacity(0);
            run.start(c.write(std::string(4'000'000, 'x')));
            const auto flush = run.start(c.flush());
            for (int window = 0; window < 3 && !flush.done(); ++window) {
                p.capacity(t.taken);
                run.advance(15s);
                BOOST_TEST(p.received(t.taken).size() == t.taken);
                p.capacity(0);
                run.advance(15s - tick);
                BOOST_TEST(!flush.done());
                run.advance(tick);
            }
            BOOST_TEST(flush.outcome() == (t.cut ? "write_timeout" : "suspended"));
        }
    }
}

BOOST_AUTO_TEST_CASE(the_write_rule_counts_what_the_peer_took_and_not_what_the_kernel_did)
{
    scenario run;
    auto [c, p] = run.connect(with(only_write));
    p.capacity(0);
    run.start(c.write(std::string(200'000, 'x')));
    const auto flush = run.start(c.flush());
    p.capacity(100'000); // taken by the kernel, acknowledged by nobody
    run.advance(30s);
    BOOST_TEST(flush.outcome() == "write_timeout");
}

BOOST_AUTO_TEST_CASE(the_write_rule_starts_when_output_begins_to_wait)
{
    scenario run;
    auto [c, p] = run.connect(with(only_write));
    run.steps(1000s, 100s);
    p.capacity(0);
    run.start(c.write_frame("stuck"));
    const auto flush = run.start(c.flush());
    run.steps(30s - tick, 1s);
    BOOST_TEST(!flush.done());
    run.advance(tick);
    BOOST_TEST(flush.outcome() == "write_timeout");
}

BOOST_AUTO_TEST_CASE(a_write_timeout_ends_the_read_beside_it)
{
    scenario run;
    auto [c, p] = run.connect(with(only_write));
    p.capacity(0);
    const auto read = run.start(c.read_frame());
    const auto closed = run.start(c.closed());
    run.start(c.write_frame("stuck"));
    run.advance(30s);
    BOOST_TEST(read.outcome() == "write_timeout");
    BOOST_TEST(closed.done());
}

// ---- Parking

BOOST_AUTO_TEST_CASE(an_idle_connection_gives_its_buffer_back_after_two_looks_and_still_reads)
{
    scenario run;
    auto [c, p] = run.connect();
    auto read = run.start(c.read_frame());
    BOOST_TEST(run.loop().blocks().in_use() == 0u); // starts without one
    BOOST_TEST((c.waiting_for() == wait_kind::readability));
    p.send(frame("first"));
    read = run.start(c.read_frame());
    BOOST_TEST(run.loop().blocks().in_use() == 4096u);
    BOOST_TEST((c.waiting_for() == wait_kind::input));
    run.advance(500ms);
    BOOST_TEST(run.loop().blocks().in_use() == 4096u);
    run.advance(500ms);
    BOOST_TEST(run.loop().blocks().in_use() == 0u);
    BOOST_TEST((c.waiting_for() == wait_kind::readability));
    p.send(frame("second"));
    BOOST_TEST(text(read) == "second");
}

BOOST_AUTO_TEST_CASE(bytes_that_arrive_as_the_connection_parks_are_read)
{
    scenario run;
    auto [c, p] = run.connect();
    auto read = run.start(c.read_frame());
    p.send(frame("first"));
    read = run.start(c.read_frame());
    run.advance(500ms);
    run.time.advance(500ms);
    p.send_later(frame("in between"));
    run.poll();
    BOOST_TEST(text(read) == "in between");
}

BOOST_AUTO_TEST_CASE(a_connection_that_holds_bytes_does_not_park)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto read = run.start(c.read_frame());
    p.send("\0\0"s);
    run.steps(5s, 500ms);
    BOOST_TEST(run.loop().blocks().in_use() == 4096u);
    p.send("\0\1!"s);
    BOOST_TEST(text(read) == "!");
}

BOOST_AUTO_TEST_CASE(a_parked_connection_is_cut_exactly_at_its_idle_deadline)
{
    scenario run;
    auto [c, p] = run.connect(with(only_idle));
    auto read = run.start(c.read_frame());
    p.send(frame("first"));
    read = run.start(c.read_frame());
    run.steps(75s - tick, 500ms);
    BOOST_TEST(run.loop().blocks().in_use() == 0u);
    BOOST_TEST(!read.done());
    run.advance(tick);
    BOOST_TEST(read.outcome() == "idle_timeout");
}

BOOST_AUTO_TEST_CASE(a_large_buffer_is_given_back_when_the_frames_are_small_again)
{
    scenario run;
    auto [c, p] = run.connect();
    auto read = run.start(c.read_frame());
    p.send(frame(std::string(500'000, 'x')));
    BOOST_TEST(run.loop().blocks().in_use() >= 500'000u);
    for (int i = 0; i < 40; ++i) {
        read = run.start(c.read_frame());
        p.send(frame("small"));
        BOOST_TEST(text(read) == "small");
    }
    BOOST_TEST(run.loop().blocks().in_use() == 4096u);
}
