// SPDX-License-Identifier: BSL-1.0

// What becomes of what a connection has answered, whatever failure ends it. README, "How a session ends", has a table.
#include <hawser/connection.hpp>

#include "scenario.hpp"
#include "tls_peer.hpp"

#include <hawser/server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#define BOOST_TEST_MODULE endings
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

awaitable<void> echo_frames(connection& c)
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
    while (const auto four = co_await c.read_exactly(4)) {
        co_await c.write(*four);
        c.answered(answer_state::whole);
    }
}

awaitable<void> echo_fours_and_a_half(connection& c)
{
    while (const auto four = co_await c.read_exactly(4)) {
        if (*four == "half") {
            co_await c.write("ha");
            throw std::runtime_error{"half"};
        }
        co_await c.write(*four);
        c.answered(answer_state::whole);
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
    {"frame_too_large", echo_frames, framing::u32_be, three, "\xff\xff\xff\xff"s, nothing, seen::end,
     "failed: frame_too_large"},
    {"length_too_small", echo_frames, hawser::framing{{.width = 2, .covers = hawser::framing::whole_frame}},
     "\0\5abc\0\2"s, "\0\1"s, nothing, seen::end, "failed: length_too_small"},
    {"malformed_length", echo_frames, framing::netstring, "1:a,2:bc,", "x", nothing, seen::end,
     "failed: malformed_length"},
    {"malformed_frame", echo_frames, framing::netstring, "1:a,2:bc,", "1:d;", nothing, seen::end,
     "failed: malformed_frame"},
    {"truncated_head", echo_frames, framing::u32_be, three, "\0\0"s, [](server_scenario&, peer& p) { p.end(); },
     seen::end, "failed: truncated_head"},
    {"truncated_payload", echo_frames, framing::u32_be, three, "\0\0\0\2x"s, [](server_scenario&, peer& p) { p.end(); },
     seen::end, "failed: truncated_payload"},
    {"unexpected_end", echo_fours, framing::u32_be, "onetwothree1", "fou", [](server_scenario&, peer& p) { p.end(); },
     seen::end, "failed: unexpected_end"},
    {"frame_timeout", echo_frames, framing::u32_be, three, "\0\0"s,
     [](server_scenario& run, peer&) { run.steps(11s, 500ms); }, seen::end, "failed: frame_timeout"},
    {"idle_timeout", echo_frames, framing::u32_be, three, "", [](server_scenario& run, peer&) { run.steps(76s, 1s); },
     seen::end, "failed: idle_timeout"},
    {"data_limit", echo_frames, framing::u32_be, three, std::string(80, '\0'), nothing, seen::end,
     "failed: data_limit"},
    {"shut_down", echo_after_the_end, framing::u32_be, frame("one"), "", nothing, seen::end, "failed: shut_down"},
    {"a handler's exception between whole answers", echo_or_throw, framing::u32_be, three, frame("boom"), nothing,
     seen::end, "threw: boom"},
    {"a handler's exception behind a part of an answer", echo_fours_and_a_half, framing::u32_be, "onetwothree1", "half",
     nothing, seen::reset, "threw: half"},
    {"a kernel's error", echo_frames, framing::u32_be, three, "", [](server_scenario&, peer& p) { p.reset(); },
     seen::reset, "failed: ECONNRESET"},
    {"drain_timeout", echo_frames, framing::u32_be, three, "\0\0"s,
     [](server_scenario& run, peer&) {
         run.server().abort();
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
                    options.limits.data_limit = e.good.size() + 50;
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
        peer p = run.open(echo_frames);
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
        {echo_frames, {}, "\xff\xff\xff\xff", "", false, "failed: frame_too_large"},
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

// The reset is seen first where what still comes is dropped, and not where the rest is sent.
BOOST_AUTO_TEST_CASE(whoever_flushes_a_connection_that_closes_is_told_that_its_peer_has_reset_it)
{
    error_code told;
    const auto flush = [&told](connection& c) -> awaitable<void> {
        try {
            co_await c.flush();
        } catch (const system_error& e) {
            told = e.code();
        }
    };
    const session_handler handler = [&flush](connection& c) -> awaitable<void> {
        while (c.try_write(std::string(1'000'000, 'x'))) // until the kernel takes no more, and beyond
            continue;
        boost::asio::co_spawn(c.get_executor(), flush(c), boost::asio::detached);
        co_await c.close();
    };
    server_scenario run{{.limits = {.output_high_water = 16 * 1024 * 1024}}};
    run.server().listen("tcp://127.0.0.1:0", handler);
    plain_peer p{run, run.server().endpoints().at(0).port(), 4096};
    p.send("");
    BOOST_TEST(run.seen().ends.empty());
    p.reset();
    until(run, [&] { return !run.seen().ends.empty(); });
    BOOST_TEST(told == boost::system::errc::connection_reset);
    BOOST_TEST(run.last_end() == "failed: ECONNRESET");
}

BOOST_AUTO_TEST_CASE(a_client_that_tore_what_it_wrote_and_failed_resets_once_that_is_acknowledged)
{
    scenario run;
    peer p = [&run] {
        auto [c, other] = run.connect({.high_water = 10, .low_water = 5});
        other.capacity(10);
        const std::string text(25, 'x');
        auto write = run.start(c.write(text));
        write.cancel();
        detail::core_access::get(c).fail(errc::idle_timeout);
        return other;
    }();
    p.end(); // so that nothing of the stream's is waited for any more
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    BOOST_TEST(got == std::string(got.size(), 'x'));
    BOOST_TEST(got.size() >= 10u);
    BOOST_TEST(!p.was_reset());
    run.steps(10ms, 5ms);
    BOOST_TEST(p.was_reset());
}
