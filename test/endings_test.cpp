// What becomes of what a connection has answered, whatever ends it: each error, and each way in which a second
// coroutine can end it. README, "How a session ends", has the table.
#include <hawser/connection.hpp>

#include "scenario.hpp"
#include "tls_peer.hpp"

#include <hawser/server.hpp>

#define BOOST_TEST_MODULE endings
#include <boost/test/unit_test.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

awaitable<void> echo(connection& c)
{
    while (const auto frame = co_await c.read_frame())
        co_await c.write_frame(*frame);
}

// The word "boom" is too much for it.
awaitable<void> echo_or_throw(connection& c)
{
    while (const auto frame = co_await c.read_frame()) {
        if (*frame == "boom")
            throw std::runtime_error{"boom"};
        co_await c.write_frame(*frame);
    }
}

// Four bytes are a question and an answer.
awaitable<void> echo_fours(connection& c)
{
    while (const auto four = co_await c.read(4)) {
        co_await c.write(*four);
        c.unit_end(); // the answer is whole
    }
}

awaitable<void> echo_fours_and_a_half(connection& c)
{
    while (const auto four = co_await c.read(4)) {
        if (*four == "half") {
            co_await c.write("ha");
            throw std::runtime_error{"half"};
        }
        co_await c.write(*four);
        c.unit_end();
    }
}

awaitable<void> echo_after_the_end(connection& c)
{
    const auto first = co_await c.read_frame();
    co_await c.write_frame(*first);
    co_await c.half_close();
    co_await c.write_frame("too late");
}

enum class seen { end, reset };

struct ending {
    const char* name;
    std::function<awaitable<void>(connection&)> handler;
    hawser::framing framing;
    std::string good; // what is answered with itself
    std::string bad;  // what fails, behind it
    std::function<void(server_scenario&, peer&)> then;
    seen how;
    const char* end;
};

const auto nothing = [](server_scenario&, peer&) {};
const std::string three = frame("one") + frame("") + frame("three");

const ending endings[] = {
    {"frame_too_large", echo, framing::u32_be, three, "\xff\xff\xff\xff"s, nothing, seen::end,
     "failed: frame_too_large"},
    {"length_too_small", echo, hawser::framing{{.width = 2, .counts = hawser::framing::whole_frame}}, "\0\5abc\0\2"s,
     "\0\1"s, nothing, seen::end, "failed: length_too_small"},
    {"malformed_length", echo, framing::netstring, "1:a,2:bc,", "x", nothing, seen::end, "failed: malformed_length"},
    {"malformed_frame", echo, framing::netstring, "1:a,2:bc,", "1:d;", nothing, seen::end, "failed: malformed_frame"},
    {"truncated_head", echo, framing::u32_be, three, "\0\0"s, [](server_scenario&, peer& p) { p.end(); }, seen::end,
     "failed: truncated_head"},
    {"truncated_payload", echo, framing::u32_be, three, "\0\0\0\2x"s, [](server_scenario&, peer& p) { p.end(); },
     seen::end, "failed: truncated_payload"},
    {"unexpected_end", echo_fours, framing::u32_be, "onetwothree1", "fou", [](server_scenario&, peer& p) { p.end(); },
     seen::end, "failed: unexpected_end"},
    {"frame_timeout", echo, framing::u32_be, three, "\0\0"s, [](server_scenario& run, peer&) { run.steps(11s, 500ms); },
     seen::end, "failed: frame_timeout"},
    {"idle_timeout", echo, framing::u32_be, three, "", [](server_scenario& run, peer&) { run.steps(76s, 1s); },
     seen::end, "failed: idle_timeout"},
    {"data_limit", echo, framing::u32_be, three, std::string(80, '\0'), nothing, seen::end, "failed: data_limit"},
    {"shut_down", echo_after_the_end, framing::u32_be, frame("one"), "", nothing, seen::end, "failed: shut_down"},
    {"a handler's exception between whole answers", echo_or_throw, framing::u32_be, three, frame("boom"), nothing,
     seen::end, "threw: boom"},
    {"a handler's exception behind a part of an answer", echo_fours_and_a_half, framing::u32_be, "onetwothree1", "half",
     nothing, seen::reset, "threw: half"},
    {"a kernel's error", echo, framing::u32_be, three, "", [](server_scenario&, peer& p) { p.reset(); }, seen::reset,
     "failed: ECONNRESET"},
    {"drain_timeout", echo, framing::u32_be, three, "\0\0"s,
     [](server_scenario& run, peer&) {
         run.server().stop_now();
         run.poll();
     },
     seen::reset, "cut: drain_timeout"},
};

} // namespace

BOOST_AUTO_TEST_CASE(what_was_answered_before_a_failure_arrives_however_the_stream_is_cut)
{
    for (const ending& e : endings) {
        const std::string stream = e.good + e.bad;
        for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
            BOOST_TEST_CONTEXT(e.name << ", cut at byte " << cut)
            {
                server_options options;
                if (e.name == "data_limit"s)
                    options.limits.received_per_connection = e.good.size() + 50;
                server_scenario run{options};
                peer p = run.open(e.handler, e.framing);
                if (cut != 0)
                    p.send(stream.substr(0, cut));
                if (cut != stream.size())
                    p.send(stream.substr(cut));
                std::string got = p.received();
                e.then(run, p);
                run.steps(10ms, 5ms);
                got += p.received();
                BOOST_TEST(got.starts_with(e.good));
                BOOST_TEST(p.was_reset() == (e.how == seen::reset));
                if (e.how == seen::end) {
                    BOOST_TEST(p.has_ended());
                    p.end();
                }
                BOOST_TEST(p.is_gone());
                BOOST_TEST(run.last_end() == e.end);
            }
        }
    }
}

// The rest of the answers is written while the handler has ended, by a peer that reads slowly.
BOOST_AUTO_TEST_CASE(what_was_answered_before_a_failure_waits_for_a_slow_reader_and_the_write_rule_bounds_that)
{
    for (const bool reads : {true, false}) {
        server_scenario run;
        peer p = run.open(echo);
        p.capacity(10);
        std::string wanted;
        for (int i = 0; i < 1'000; ++i)
            wanted += frame(std::to_string(i));
        p.send(wanted + "\xff\xff\xff\xff");
        BOOST_TEST(!p.has_ended());
        std::string got;
        for (int i = 0; i < 1'000'000 && reads && !p.has_ended(); ++i)
            got += p.received();
        if (reads) {
            BOOST_TEST(got + p.received() == wanted);
            p.end();
            BOOST_TEST(run.last_end() == "failed: frame_too_large");
        } else {
            run.steps(29s, 500ms);
            BOOST_TEST(!p.is_gone());
            run.steps(2s, 500ms);
            BOOST_TEST(p.was_reset());
            BOOST_TEST(run.last_end() == "failed: frame_too_large"); // which it was that ended it
        }
    }
}

BOOST_AUTO_TEST_CASE(a_torn_answer_is_reset_once_what_came_before_it_is_acknowledged_or_after_two_seconds)
{
    for (const bool reads : {true, false}) {
        server_scenario run;
        peer p = run.open(echo_fours_and_a_half);
        p.send("onetwothree1half");
        run.steps(1990ms, 5ms);
        BOOST_TEST(!p.was_reset());
        BOOST_TEST(!p.has_ended());
        if (reads)
            BOOST_TEST(p.received() == "onetwothree1ha");
        run.steps(reads ? 5ms : 15ms, 5ms);
        BOOST_TEST(p.was_reset());
        BOOST_TEST(run.last_end() == "threw: half");
    }
}

// Over TCP, where a reset makes the kernel throw away what it has not sent.
BOOST_AUTO_TEST_CASE(what_was_answered_before_a_failure_arrives_over_tcp_at_a_reader_with_a_buffer_of_4_KiB)
{
    struct {
        awaitable<void> (*handler)(connection&);
        std::string good;
        std::string bad;
        std::string part;
        bool reset;
        const char* end;
    } const table[] = {
        {echo, {}, "\xff\xff\xff\xff", "", false, "failed: frame_too_large"},
        {echo_fours_and_a_half, std::string(400'000, 'x'), "half", "ha", true, "threw: half"},
    };
    for (const auto& t : table) {
        server_scenario run{{.limits = {.output_high_water = 4 * 1024 * 1024}}};
        run.server().listen("tcp://127.0.0.1:0", t.handler);
        plain_peer p{run, run.server().endpoints().at(0).port(), 4096};
        std::string good = t.good;
        for (int i = 0; good.size() < 400'000; ++i)
            good += frame(std::string(20, static_cast<char>('a' + i % 26)));
        p.send(good + t.bad);
        auto before = std::chrono::steady_clock::now();
        while (!p.has_ended()) { // which reads; the kernel takes its time, so that the manual clock has to keep it
            const auto now = std::chrono::steady_clock::now();
            run.advance(now - std::exchange(before, now));
        }
        BOOST_CHECK(p.received_to_end() == good + t.part);
        BOOST_TEST(p.was_reset() == t.reset);
        p.end();
        until(run, [&] { return !run.seen().ends.empty(); });
        BOOST_TEST(run.last_end() == t.end);
    }
}

// ---- A second coroutine

BOOST_AUTO_TEST_CASE(a_second_coroutine_closes_and_the_wait_between_two_units_ends_with_nothing)
{
    server_scenario run;
    connection* other = nullptr;
    peer p = run.open([&other](connection& c) -> awaitable<void> {
        other = &c;
        co_await echo(c);
    });
    p.capacity(100);
    p.send(frame(std::string(5'000, 'x')));
    const auto closed = run.start(other->close());
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    BOOST_TEST(got == frame(std::string(5'000, 'x')));
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(closed.outcome() == "done");
    BOOST_TEST(run.last_end() == "completed");
    BOOST_TEST(run.server().statistics().failed == 0u);
}

BOOST_AUTO_TEST_CASE(a_second_coroutine_closes_and_the_wait_inside_a_unit_says_so)
{
    server_scenario run;
    connection* other = nullptr;
    peer p = run.open([&other](connection& c) -> awaitable<void> {
        other = &c;
        co_await echo(c);
    });
    p.send(frame("one") + "\0\0"s);
    const auto closed = run.start(other->close());
    BOOST_TEST(p.received() == frame("one"));
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(closed.outcome() == "done");
    BOOST_TEST(run.last_end() == "failed: connection_closed");
}

BOOST_AUTO_TEST_CASE(a_second_coroutine_closes_while_a_drain_point_waits_for_its_output)
{
    server_scenario run;
    connection* other = nullptr;
    peer p = run.open([&other](connection& c) -> awaitable<void> {
        other = &c;
        co_await echo(c);
    });
    p.capacity(1);
    p.send(frame("one"));
    run.server().stop();
    run.poll();
    const auto closed = run.start(other->close());
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    BOOST_TEST(got == frame("one"));
    p.end();
    BOOST_TEST(closed.outcome() == "done");
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(a_view_stays_valid_until_the_next_read_whatever_happens_to_the_connection)
{
    struct {
        const char* name;
        void (*act)(server_scenario&, connection&, peer&);
    } const table[] = {
        {"closed", [](server_scenario& run, connection& c, peer&) { run.start(c.close()); }},
        {"reset", [](server_scenario&, connection& c, peer&) { c.reset(); }},
        {"half-closed", [](server_scenario& run, connection& c, peer&) { run.start(c.half_close()); }},
        {"the peer's end", [](server_scenario&, connection&, peer& p) { p.end(); }},
        {"the peer's reset", [](server_scenario&, connection&, peer& p) { p.reset(); }},
        {"closed, and the peer's end",
         [](server_scenario& run, connection& c, peer& p) {
             run.start(c.close());
             p.end();
         }},
        {"closed, and lingered for",
         [](server_scenario& run, connection& c, peer& p) {
             run.start(c.close());
             p.send(std::string(100'000, 'z'));
             run.steps(3s, 100ms);
         }},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            server_scenario run;
            connection* of = nullptr;
            bytes_view view;
            peer p = run.open([&](connection& c) -> awaitable<void> {
                of = &c;
                view = *co_await c.read_frame();
                co_await c.closed();
                boost::asio::steady_timer for_ever{co_await boost::asio::this_coro::executor};
                for_ever.expires_at(boost::asio::steady_timer::time_point::max());
                co_await for_ever.async_wait(boost::asio::use_awaitable);
            });
            p.send(frame("the first user's own request"));
            t.act(run, *of, p);
            run.poll();
            // Another connection of the loop gets its memory, if that is free.
            peer q = run.open(echo);
            q.send(frame("SECRET: of a second user's").substr(0, 20));
            BOOST_TEST(view == "the first user's own request");
        }
    }
}

// ---- Cancellation, and what it leaves

namespace {

awaitable<void> collect(connection& c, std::vector<std::string>& into)
{
    while (const auto frame = co_await c.read_frame())
        into.emplace_back(*frame);
}

awaitable<void> collect_batches(connection& c, std::vector<std::string>& into)
{
    while (const auto batch = co_await c.read_frames())
        for (const bytes_view frame : *batch)
            into.emplace_back(frame);
}

awaitable<void> collect_bytes(connection& c, std::vector<std::string>& into)
{
    std::array<char, 100> some{};
    for (;;) {
        const std::size_t n = co_await c.async_read_some(boost::asio::buffer(some), boost::asio::use_awaitable);
        into.emplace_back(some.data(), n);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(cancelling_a_read_at_any_suspension_loses_no_byte)
{
    using reader = awaitable<void> (*)(connection&, std::vector<std::string>&);
    std::string stream;
    for (int i = 0; i < 150; ++i) // more than two turns
        stream += frame(std::string(10, static_cast<char>('a' + i % 26)));
    for (const reader r : {collect, collect_batches, collect_bytes})
        for (const bool drains : {false, true}) {
            bool reached_the_end = false;
            std::size_t suspensions = 0;
            for (; !reached_the_end; ++suspensions) {
                scenario run;
                auto [c, p] = run.connect();
                p.chunks(700);
                p.send_later(stream);
                if (drains)
                    detail::core_access::get(c).begin_drain();
                std::vector<std::string> got;
                boost::asio::cancellation_signal cancel;
                bool ended = false;
                boost::asio::co_spawn(
                    run.loop().context(), r(c, got),
                    boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) { ended = true; }));
                run.loop().context().restart();
                for (std::size_t i = 0; i < suspensions; ++i)
                    if (run.loop().context().poll_one() == 0)
                        reached_the_end = true;
                cancel.emit(boost::asio::cancellation_type::terminal);
                run.poll();
                BOOST_TEST_REQUIRE(ended);
                p.end();
                const auto rest = run.start(r(c, got));
                BOOST_TEST_REQUIRE(rest.done());
                std::string all;
                for (const std::string& piece : got)
                    all += r == collect_bytes ? piece : frame(piece);
                BOOST_TEST_CONTEXT("cancelled after " << suspensions << " handlers")
                {
                    BOOST_TEST_REQUIRE(all.size() == stream.size());
                    BOOST_REQUIRE(all == stream);
                }
            }
            BOOST_TEST(suspensions > 5u);
        }
}

BOOST_AUTO_TEST_CASE(what_a_cancelled_read_has_searched_is_searched_again_once_others_have_taken_it)
{
    scenario run;
    auto [c, p] = run.connect({.framing = framing::lines.with_limit(100)});
    auto line = run.start(c.read_frame());
    p.send("abc");
    line.cancel();
    BOOST_TEST(*run.start(c.read_some()).value() == "abc");
    p.send("\n\nhello\n");
    for (const char* wanted : {"", "", "hello"})
        BOOST_TEST(*run.start(c.read_frame()).value() == wanted);
}

BOOST_AUTO_TEST_CASE(a_frame_has_its_whole_time_though_another_read_took_the_bytes_of_a_cancelled_one)
{
    scenario run;
    auto [c, p] = run.connect({.timeouts = {.frame = 10s}});
    auto first = run.start(c.read_frame());
    p.send("\0\0"s);
    run.steps(9s, 100ms);
    first.cancel();
    BOOST_TEST(run.start(c.read_some()).value()->size() == 2u);
    const auto second = run.start(c.read_frame());
    p.send("\0\0"s);
    run.steps(9s, 100ms);
    BOOST_TEST(!second.done());
    p.send("\0\1x"s);
    BOOST_TEST(*second.value() == "x");
}

// ---- Writers

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
             co_await c.write_frame(large, framing::u32_be.with_limit(100));
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
