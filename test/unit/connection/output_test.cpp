// SPDX-License-Identifier: BSL-1.0

// A connection's writes: cork, back-pressure, order, flush, and the ways to end the output.
#include <hawser/connection.hpp>

#include "scenario.hpp"

#define BOOST_TEST_MODULE output
#include <boost/test/unit_test.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

const detail::settings small_marks{.high_water = 1000, .low_water = 250};

// The payloads of complete u32_be frames; the bytes must end with one.
std::vector<std::string> payloads(bytes_view bytes)
{
    std::vector<std::string> all;
    while (!bytes.empty()) {
        const decoded d = framing::u32_be.decode(bytes);
        BOOST_TEST_REQUIRE((d.state == decoded::status::complete), "whole frames, one behind the other");
        all.emplace_back(d.frame);
        bytes.remove_prefix(d.consumed);
    }
    return all;
}

} // namespace

// ---- The cork

BOOST_AUTO_TEST_CASE(what_is_written_in_one_turn_leaves_in_one_write)
{
    server_scenario run;
    peer p = run.open([](connection& c) -> awaitable<void> {
        for (int i = 0; i < 10; ++i)
            co_await c.write_frame("0123456789");
        co_await c.write("tail");
        co_await c.read_frame();
    });
    BOOST_TEST(p.received().size() == 144u);
    BOOST_TEST(p.writes() == 1u);
}

BOOST_AUTO_TEST_CASE(answers_to_frames_that_have_arrived_together_leave_together)
{
    server_scenario run;
    peer p = run.open([](connection& c) -> awaitable<void> {
        while (const auto f = co_await c.read_frame())
            co_await c.write_frame(*f);
    });
    const std::string three = frame("a") + frame("b") + frame("c");
    p.send(three);
    BOOST_TEST(p.received() == three);
    BOOST_TEST(p.writes() == 1u);
    p.send(three);
    BOOST_TEST(p.writes() == 2u);
}

BOOST_AUTO_TEST_CASE(an_answer_leaves_in_the_same_turn_though_its_handler_waits_for_something_else)
{
    server_scenario run;
    peer p = run.open([](connection& c) -> awaitable<void> {
        while (const auto f = co_await c.read_frame()) {
            co_await c.write_frame(*f);
            co_await c.closed();
        }
    });
    p.send(frame("now"));
    BOOST_TEST(p.received() == frame("now"));
}

BOOST_AUTO_TEST_CASE(trying_to_write_takes_a_frame_or_nothing)
{
    scenario run;
    auto [c, p] = run.connect();
    p.capacity(1000);
    const std::string payload(1000, 'x');
    std::string accepted;
    while (c.try_write_frame(payload))
        accepted += frame(payload);
    BOOST_TEST(c.queued() >= 256U * 1024 - 1000);
    run.poll();
    BOOST_TEST(!c.try_write_frame("refused"));
    p.capacity(1'000'000);
    BOOST_CHECK(p.received() == accepted);
    BOOST_TEST(c.try_write_frame("taken again"));
    run.poll();
    BOOST_CHECK(p.received() == frame("taken again"));
    BOOST_CHECK_THROW(c.try_write_frame(std::string(framing::default_max_payload + 1, 'x')), frame_error);
}

BOOST_AUTO_TEST_CASE(connections_of_one_loop_take_the_cork_from_each_other_and_mix_nothing)
{
    scenario run;
    auto [c, p] = run.connect();
    auto [d, q] = run.connect();
    std::string to_p;
    std::string to_q;
    for (int i = 0; i < 50; ++i) {
        const std::string payload(static_cast<std::size_t>(i * 97 % 700), static_cast<char>('a' + i % 26));
        run.start(c.write_frame(payload));
        run.start(d.write_frame(payload + '!'));
        to_p += frame(payload);
        to_q += frame(payload + '!');
    }
    BOOST_CHECK(p.received() == to_p);
    BOOST_CHECK(q.received() == to_q);
}

BOOST_AUTO_TEST_CASE(frames_around_the_size_of_the_cork_arrive_whole)
{
    for (const std::size_t size : {16'379U, 16'380U, 16'381U, 16'384U, 40'000U}) {
        for (const std::size_t before : {0U, 1U, 100U, 16'000U}) {
            BOOST_TEST_CONTEXT(size << " bytes behind " << before)
            {
                scenario run;
                auto [c, p] = run.connect();
                p.capacity(1'000'000);
                const std::string a(before, 'a');
                const std::string b(size, 'b');
                run.start(c.write_frame(a));
                run.start(c.write_frame(b));
                run.start(c.write_frame("c"));
                BOOST_CHECK(p.received() == frame(a) + frame(b) + frame("c"));
                BOOST_TEST(c.queued() == 0u);
            }
        }
    }
}

// ---- Back-pressure

BOOST_AUTO_TEST_CASE(a_write_above_the_high_water_mark_waits_for_the_low_one)
{
    scenario run;
    auto [c, p] = run.connect(small_marks);
    p.capacity(0);
    BOOST_TEST(run.start(c.write(std::string(999, 'a'))).outcome() == "done");
    BOOST_TEST(c.queued() == 999u);
    BOOST_TEST(run.start(c.write("b")).outcome() == "done"); // 999 is below the mark
    const auto waits = run.start(c.write("c"));
    BOOST_TEST(!waits.done());
    BOOST_TEST((c.waiting_for() == wait_kind::output_room));
    p.capacity(749); // leaves 251: one above the low mark
    BOOST_TEST(c.queued() == 251u);
    BOOST_TEST(!waits.done());
    p.capacity(750);
    BOOST_TEST(waits.outcome() == "done");
    BOOST_TEST(c.queued() == 251u); // 250, and "c"
}

BOOST_AUTO_TEST_CASE(a_high_water_mark_below_the_size_of_the_cork_holds_too)
{
    for (const std::size_t high : {1U, 2U, 100U, 16'383U}) {
        BOOST_TEST_CONTEXT("high water " << high)
        {
            server_scenario run{{.limits = {.output_high_water = high, .output_low_water = 0}}};
            peer p = run.open([](connection& c) -> awaitable<void> {
                for (int i = 0; i < 100; ++i)
                    co_await c.write_frame(std::string(200, 'x'));
                co_await c.write(std::string(20'000, 'y'));
            });
            p.end();
            BOOST_TEST(p.received().size() == 100u * 204 + 20'000);
            BOOST_TEST(run.last_end() == "completed");
        }
    }
}

BOOST_AUTO_TEST_CASE(writers_are_admitted_in_the_order_in_which_they_came_and_their_frames_never_mix)
{
    scenario run;
    auto [c, p] = run.connect(small_marks);
    p.capacity(0);
    std::vector<task<void>> writers;
    std::vector<std::string> sent;
    for (int i = 0; i < 40; ++i) {
        sent.emplace_back(static_cast<std::size_t>(100 + 37 * i % 400), static_cast<char>('A' + i));
        writers.push_back(run.start(c.write_frame(sent.back())));
    }
    BOOST_TEST(!writers.back().done());
    p.capacity(64);
    std::string got;
    for (std::string piece = p.received(29); !piece.empty(); piece = p.received(29)) {
        got += piece;
        BOOST_TEST(c.queued() < 1000u + 504);
    }
    BOOST_TEST((payloads(got) == sent));
    BOOST_TEST(std::all_of(writers.begin(), writers.end(), [](const auto& w) { return w.outcome() == "done"; }));
}

BOOST_AUTO_TEST_CASE(eight_writers_together_never_hold_more_than_the_high_water_mark_and_one_frame)
{
    server_scenario run{{.limits = {.output_high_water = 10'000, .output_low_water = 2'000}}};
    std::size_t most = 0;
    const auto writer = [&most](connection& c, char name) -> awaitable<void> {
        const std::string payload(3'000, name);
        for (int i = 0; i < 50; ++i) {
            co_await c.write_frame(payload);
            most = std::max(most, c.queued());
        }
    };
    scenario& s = run;
    auto [c, p] = s.connect({.high_water = 10'000, .low_water = 2'000});
    p.capacity(777);
    std::vector<task<void>> all;
    for (char name = 'a'; name < 'i'; ++name)
        all.push_back(run.start(writer(c, name)));
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    BOOST_TEST(most >= 10'000u);
    BOOST_TEST(most < 10'000u + 3'004);
    const auto frames = payloads(got);
    BOOST_TEST(frames.size() == 400u);
    for (const std::string& f : frames)
        BOOST_TEST((f == std::string(3'000, f[0])));
    BOOST_TEST(std::all_of(all.begin(), all.end(), [](const auto& w) { return w.outcome() == "done"; }));
}

BOOST_AUTO_TEST_CASE(write_some_takes_what_the_mark_admits)
{
    scenario run;
    auto [c, p] = run.connect(small_marks);
    p.capacity(0);
    const auto some = run.start(c.write_some(std::string(1500, 'x')));
    BOOST_TEST_REQUIRE(some.outcome() == "done");
    BOOST_TEST(some.value() == 1000u);
    const auto more = run.start(c.write_some("y"));
    BOOST_TEST(!more.done());
    p.capacity(750);
    BOOST_TEST_REQUIRE(more.outcome() == "done");
    BOOST_TEST(more.value() == 1u);
}

BOOST_AUTO_TEST_CASE(a_write_far_above_the_mark_goes_in_pieces)
{
    scenario run;
    auto [c, p] = run.connect(small_marks);
    p.capacity(100);
    std::string big;
    for (int i = 0; i < 50'000; ++i)
        big += static_cast<char>(i % 251);
    const auto write = run.start(c.write(big));
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received()) {
        got += piece;
        BOOST_TEST(c.queued() <= 1000u);
    }
    BOOST_CHECK(got == big);
    BOOST_TEST(write.outcome() == "done");
}

BOOST_AUTO_TEST_CASE(a_cancelled_writer_has_written_nothing_and_the_others_go_on)
{
    scenario run;
    auto [c, p] = run.connect(small_marks);
    p.capacity(0);
    run.start(c.write_frame(std::string(1000, 'a')));
    auto first = run.start(c.write_frame("first"));
    auto second = run.start(c.write_frame("second"));
    const auto third = run.start(c.write_frame("third"));
    first.cancel();
    BOOST_TEST(first.outcome() == "ECANCELED");
    second.cancel();
    p.capacity(100'000);
    BOOST_TEST(second.outcome() == "ECANCELED");
    BOOST_TEST(third.outcome() == "done");
    const auto got = payloads(p.received());
    BOOST_TEST_REQUIRE(got.size() == 2u);
    BOOST_TEST(got[1] == "third");
}

BOOST_AUTO_TEST_CASE(a_batch_with_a_frame_that_is_refused_lets_the_next_writer_in)
{
    struct {
        const char* name;
        std::string batch;
        std::string written;
    } const table[] = {
        {"the first frame", frame("fits not"), ""},
        {"the second frame", frame("fits") + frame("fits not"), frame("fits")},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            scenario run;
            auto [from, q] = run.connect();
            q.send(t.batch);
            const auto batch = run.start(from.read_frames());
            auto [c, p] =
                run.connect({.framing = framing::u32_be.with_max_payload(4), .high_water = 1000, .low_water = 250});
            p.capacity(0);
            run.start(c.write(std::string(1000, 'x')));
            const auto first = run.start(c.write_frames(*batch.value()));
            const auto second = run.start(c.write_frame("next"));
            p.capacity(100'000);
            BOOST_TEST(first.outcome() == "frame_too_large");
            BOOST_TEST(second.outcome() == "done");
            p.received(1000);
            BOOST_TEST(p.received() == t.written + frame("next"));
        }
    }
}

BOOST_AUTO_TEST_CASE(waiting_writers_are_told_when_the_connection_ends)
{
    struct {
        const char* name;
        void (*end)(connection&, peer&);
        const char* outcome;
    } const table[] = {
        {"the peer resets", [](connection&, peer& p) { p.reset(); }, "ECONNRESET"},
        {"this side resets", [](connection& c, peer&) { c.reset(); }, "connection_closed"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            scenario run;
            auto [c, p] = run.connect(small_marks);
            p.capacity(0);
            run.start(c.write(std::string(1000, 'a')));
            const auto first = run.start(c.write_frame("1"));
            const auto second = run.start(c.write("2"));
            const auto third = run.start(c.write_some("3"));
            const auto flush = run.start(c.flush());
            t.end(c, p);
            run.poll();
            BOOST_TEST(first.outcome() == t.outcome);
            BOOST_TEST(second.outcome() == t.outcome);
            BOOST_TEST(third.outcome() == t.outcome);
            BOOST_TEST(flush.outcome() == t.outcome);
        }
    }
}

// ---- flush and half_close

BOOST_AUTO_TEST_CASE(flush_completes_when_all_output_is_in_the_kernels_hands)
{
    scenario run;
    auto [c, p] = run.connect();
    BOOST_TEST(run.start(c.flush()).outcome() == "done");
    p.capacity(0);
    run.start(c.write_frame("pending"));
    auto flush = run.start(c.flush());
    BOOST_TEST(!flush.done());
    BOOST_TEST((c.waiting_for() == wait_kind::output_flushed));
    p.capacity(10);
    BOOST_TEST(!flush.done());
    p.capacity(11);
    BOOST_TEST(flush.outcome() == "done");
    BOOST_TEST(c.queued() == 0u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_flush_leaves_the_output_on_its_way)
{
    scenario run;
    auto [c, p] = run.connect();
    p.capacity(0);
    run.start(c.write_frame("pending"));
    auto flush = run.start(c.flush());
    flush.cancel();
    BOOST_TEST(flush.outcome() == "ECANCELED");
    p.capacity(100);
    BOOST_TEST(p.received() == frame("pending"));
}

BOOST_AUTO_TEST_CASE(after_half_close_the_peer_has_everything_then_the_end_and_may_still_send)
{
    scenario run;
    auto [c, p] = run.connect();
    p.capacity(5);
    run.start(c.write_frame("the last"));
    const auto half = run.start(c.half_close());
    BOOST_TEST(!p.has_ended());
    std::string got = p.received();
    got += p.received();
    got += p.received();
    BOOST_TEST(got == frame("the last"));
    BOOST_TEST(half.outcome() == "done");
    BOOST_TEST(p.has_ended());
    BOOST_TEST(run.start(c.write_frame("more")).outcome() == "shut_down");
    BOOST_TEST(run.start(c.write("more")).outcome() == "shut_down");
    BOOST_TEST(run.start(c.half_close()).outcome() == "shut_down");
    p.send(frame("still"));
    BOOST_TEST(text(run.start(c.read_frame())) == "still");
}

BOOST_AUTO_TEST_CASE(half_close_sends_what_was_accepted_while_it_waited_and_refuses_the_rest)
{
    scenario run;
    auto [c, p] = run.connect(small_marks);
    p.capacity(0);
    run.start(c.write(std::string(1000, 'a')));
    const std::string payload(700, 'b');
    const auto first = run.start(c.write(payload));
    const auto second = run.start(c.write(payload));
    const auto half = run.start(c.half_close());
    std::string got;
    p.capacity(100'000);
    got = p.received();
    BOOST_TEST(half.outcome() == "done");
    BOOST_TEST(p.has_ended());
    const auto accepted = [](const task<void>& t) { return t.outcome() == "done" ? 700U : 0U; };
    BOOST_TEST(first.done());
    BOOST_TEST(second.done());
    BOOST_TEST(got.size() == 1000 + accepted(first) + accepted(second));
    BOOST_TEST(c.queued() == 0u);
}

// ---- Writers that write nothing

BOOST_AUTO_TEST_CASE(whoever_is_admitted_and_writes_nothing_lets_the_next_one_write)
{
    struct {
        const char* name;
        awaitable<void> (*write)(connection&);
    } const table[] = {
        {"write of nothing", [](connection& c) -> awaitable<void> { co_await c.write(""); }},
        {"write of no pieces",
         [](connection& c) -> awaitable<void> {
             const std::span<const bytes_view> none;
             co_await c.write(none);
         }},
        {"write of empty pieces",
         [](connection& c) -> awaitable<void> {
             const std::array<bytes_view, 2> pieces{};
             co_await c.write(pieces);
         }},
        {"write_some of nothing", [](connection& c) -> awaitable<void> { co_await c.write_some(""); }},
        {"async_write of nothing",
         [](connection& c) -> awaitable<void> {
             const boost::asio::const_buffer none;
             co_await boost::asio::async_write(c, none, boost::asio::use_awaitable);
         }},
        {"async_write_some of nothing",
         [](connection& c) -> awaitable<void> {
             const boost::asio::const_buffer none;
             co_await c.async_write_some(none, boost::asio::use_awaitable);
         }},
        {"a frame that cannot be encoded",
         [](connection& c) -> awaitable<void> {
             const std::string large(200, 'x');
             co_await c.write_frame(large, framing::u32_be.with_max_payload(100));
         }},
    };
    for (const auto& t : table) {
        for (const bool waits : {true, false}) {
            BOOST_TEST_CONTEXT(t.name << (waits ? ", after a wait" : ", at once"))
            {
                scenario run;
                auto [c, p] = run.connect({.high_water = 100, .low_water = 50});
                p.capacity(0);
                if (waits)
                    BOOST_TEST(run.start(c.write_frame(std::string(200, 'a'))).done());
                const auto empty = run.start(t.write(c));
                const auto frame = run.start(c.write_frame("next"));
                p.capacity(1'000'000);
                run.poll();
                BOOST_TEST(empty.done());
                BOOST_TEST(frame.outcome() == "done");
                BOOST_TEST(p.received().ends_with("next"));
            }
        }
    }
}
