// SPDX-License-Identifier: BSL-1.0

// Making room in a server that is full, or nearly so: who is ended, when, and who is not; each bound at it and one past
// it.
#include "server/shedding.hpp"

#include "crowded_scenario.hpp"
#include "http_served.hpp"

#define BOOST_TEST_MODULE shedding
#include <boost/test/unit_test.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

using namespace hawser;
using namespace hawser::test;

BOOST_AUTO_TEST_CASE(while_2_percent_of_the_permits_are_left_nobody_is_ended)
{
    crowded_scenario run{100};
    auto all = run.open_some(98);
    run.advance(60s);
    BOOST_TEST(ended(all).empty());
    BOOST_TEST(run.shed() == 0u);
}

BOOST_AUTO_TEST_CASE(one_permit_less_ends_the_session_that_has_waited_longest_between_two_units)
{
    crowded_scenario run{100};
    auto all = run.open_some(98);
    run.advance(6s);
    all[0].send(frame("x")); // and the next one has then waited longest
    BOOST_TEST(all[0].received() == frame("x"));
    run.advance(6s);
    all.push_back(run.open(echo));
    BOOST_TEST(ended(all) == places{1}, boost::test_tools::per_element());
    BOOST_TEST(run.last_end() == "shed: shed");
    const server_statistics counts = run.server().statistics();
    BOOST_TEST(counts.shed == 1u);
    BOOST_TEST(counts.completed == 1u);
    BOOST_TEST(counts.failed == 0u);
    BOOST_TEST(counts.connections == 98u);
    run.advance(10s); // and it stays at that
    BOOST_TEST(run.shed() == 1u);
}

BOOST_AUTO_TEST_CASE(as_many_are_ended_as_are_wanting)
{
    crowded_scenario run{1000};
    auto all = run.open_some(980);
    run.advance(6s);
    for (int i = 0; i < 7; ++i)
        all.push_back(run.open(echo));
    run.advance(tick);
    run.advance(tick);
    BOOST_TEST(ended(all) == (places{0, 1, 2, 3, 4, 5, 6}), boost::test_tools::per_element());
    BOOST_TEST(run.server().statistics().connections == 980u);
    run.advance(1s);
    BOOST_TEST(run.shed() == 7u);
}

BOOST_AUTO_TEST_CASE(each_kind_is_ended_at_its_age_and_one_nanosecond_less_is_not_enough)
{
    struct {
        const char* kind;
        duration nearly_full;
        duration newcomers_wait;
    } const table[] = {
        {"lingering", 0s, 0s}, {"silent", 5s, 250ms}, {"unfinished", 5s, 1s}, {"flushing", 5s, 1s}, {"idle", 5s, 5s},
    };
    for (const auto& t : table)
        for (const bool wait : {false, true}) {
            BOOST_TEST_CONTEXT(t.kind << (wait ? ", while newcomers wait" : ", while few permits are left"))
            {
                const duration age = wait ? t.newcomers_wait : t.nearly_full;
                crowded_scenario run{2};
                if (wait)
                    run.newcomers_wait();
                const peer it = run.made(t.kind);
                if (age != 0s)
                    run.advance(age - 1ns);
                const peer last = run.open(wait_elsewhere);
                BOOST_TEST(it.is_gone() == (age == 0s));
                run.advance(tick); // then it is as old, and is ended without another newcomer
                BOOST_TEST(it.is_gone());
                BOOST_TEST(run.connections() == 1u);
            }
            BOOST_TEST_CONTEXT(t.kind << " at its age" << (wait ? ", while newcomers wait" : ""))
            {
                crowded_scenario run{2};
                if (wait)
                    run.newcomers_wait();
                const peer it = run.made(t.kind);
                run.advance(wait ? t.newcomers_wait : t.nearly_full);
                const peer last = run.open(wait_elsewhere);
                BOOST_TEST(it.is_gone());
            }
        }
}

BOOST_AUTO_TEST_CASE(the_kinds_are_ended_in_their_order_however_old_they_are)
{
    crowded_scenario run{6};
    std::vector<peer> all;
    for (std::size_t i = kinds.size(); i-- > 0;) { // the last to be ended is the oldest
        all.insert(all.begin(), run.made(kinds[i]));
        run.advance(i == 4 ? 3s : i == 0 ? 0s : 1s);
    }
    run.newcomers_wait();
    std::vector<peer> fillers;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        fillers.push_back(run.open(wait_elsewhere));
        for (std::size_t k = 0; k < kinds.size(); ++k)
            BOOST_TEST_CONTEXT("after " << kinds[i] << ", " << kinds[k]) BOOST_TEST(all[k].is_gone() == (k <= i));
        run.advance(250ms); // the next one is not of the same rush
    }
    run.advance(10s);
    for (const peer& p : fillers)
        BOOST_TEST(!p.has_ended());
}

BOOST_AUTO_TEST_CASE(of_a_kind_the_oldest_is_ended_first)
{
    for (const char* kind : kinds) {
        BOOST_TEST_CONTEXT(kind)
        {
            crowded_scenario run{3};
            run.newcomers_wait();
            const peer first = run.made(kind);
            run.advance(tick);
            const peer second = run.made(kind);
            run.advance(kind == std::string_view{"idle"} ? 5s : kind == std::string_view{"lingering"} ? 0s : 1s);
            const peer last = run.open(wait_elsewhere);
            BOOST_TEST(first.is_gone());
            BOOST_TEST(!second.is_gone());
        }
    }
}

BOOST_AUTO_TEST_CASE(who_is_inside_a_later_unit_or_waits_elsewhere_is_never_ended)
{
    crowded_scenario run{3};
    run.newcomers_wait();
    std::vector<peer> all{run.idle(), run.open(wait_elsewhere)};
    all[0].send(head_begun);
    run.advance(4s);
    all.push_back(run.idle());
    run.advance(5s - 1ns);
    BOOST_TEST(ended(all).empty());
    run.advance(tick);
    BOOST_TEST(ended(all) == places{2}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_first_unit_has_a_second_more_for_each_4_kib_that_have_come_of_it)
{
    const std::string whole = frame(std::string(100'000, 'x'));
    struct {
        std::size_t come;
        duration newcomers_wait;
        duration nearly_full;
    } const table[] = {{4095, 1s, 5s}, {4096, 2s, 6s}, {8191, 2s, 6s}, {8192, 3s, 7s}, {65'536, 17s, 21s}};
    for (const auto& t : table)
        for (const bool wait : {false, true}) {
            BOOST_TEST_CONTEXT(t.come << (wait ? " bytes, while newcomers wait" : " bytes, while few permits are left"))
            {
                crowded_scenario run{2};
                if (wait)
                    run.newcomers_wait();
                const peer it = run.open(
                    [](connection& c) -> awaitable<void> {
                        c.set_timeouts({.frame = never});
                        co_await echo(c);
                    },
                    bytes_view{whole}.substr(0, t.come));
                run.advance((wait ? t.newcomers_wait : t.nearly_full) - 1ns);
                const peer last = run.open(wait_elsewhere);
                BOOST_TEST(!it.is_gone());
                run.advance(tick);
                BOOST_TEST(it.is_gone());
            }
        }
}

BOOST_AUTO_TEST_CASE(who_drips_is_ended_after_1_s_and_who_sends_4_kib_a_second_is_not)
{
    const std::string whole = frame(std::string(100'000, 'x'));
    struct {
        std::size_t each_100_ms;
        bool stays;
    } const table[] = {{1, false}, {409, false}, {410, true}, {4096, true}};
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.each_100_ms << " bytes in 100 ms")
        {
            crowded_scenario run{2};
            run.newcomers_wait();
            peer it = run.open(echo);
            const peer last = run.open(wait_elsewhere);
            std::size_t sent = 0;
            for (int i = 0; i < 20; ++i) {
                it.send(bytes_view{whole}.substr(sent, t.each_100_ms));
                sent += t.each_100_ms;
                run.advance(100ms);
                BOOST_TEST(it.is_gone() == (!t.stays && i >= 9));
                if (it.is_gone())
                    break;
            }
            BOOST_TEST(run.shed() == (t.stays ? 0u : 1u));
        }
    }
}

BOOST_AUTO_TEST_CASE(an_upload_of_10_mb_over_http_is_not_ended_though_newcomers_wait)
{
    constexpr std::size_t size = 10'000'000;
    constexpr std::size_t piece = 50'000;
    crowded_scenario run{2};
    run.newcomers_wait();
    peer it = run.open(http::serve(
        [](request& q, response& r) -> awaitable<void> {
            std::size_t read = 0;
            while (const auto bytes = co_await q.read_some())
                read += bytes->size();
            co_await r.send(std::to_string(read));
        },
        {.max_body = size}));
    const peer last = run.open(wait_elsewhere);
    it.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
    const std::string bytes(piece, 'x');
    for (std::size_t sent = 0; sent < size; sent += piece) {
        run.advance(250ms);
        it.send(bytes);
    }
    BOOST_TEST(it.received().ends_with("\r\n\r\n10000000"));
    BOOST_TEST(run.shed() == 0u);
}

BOOST_AUTO_TEST_CASE(a_first_unit_that_has_grown_by_4_kib_by_then_stays)
{
    const std::string whole = frame(std::string(10'000, 'x'));
    for (const std::size_t come : {4095U, 4096U}) {
        crowded_scenario run{2};
        peer it = run.unfinished();
        run.advance(1s);
        it.send_later(bytes_view{whole}.substr(1, come - 1));
        run.shed_first();
        run.poll();
        BOOST_TEST(it.is_gone() == (come < 4096));
    }
}

BOOST_AUTO_TEST_CASE(while_newcomers_take_every_place_that_is_made_twice_as_many_are_made_each_time)
{
    crowded_scenario run{100};
    run.newcomers_wait();
    std::vector<peer> all;
    for (int i = 0; i < 100; ++i)
        all.push_back(run.open(echo));
    run.advance(250ms);
    std::vector<std::size_t> made;
    for (int i = 0; i < 4; ++i) {
        made.push_back(100 - run.connections());
        while (run.connections() < 100) // before anything is looked at again
            all.push_back(run.open(echo));
        run.advance(50ms);
    }
    BOOST_TEST(made == (std::vector<std::size_t>{2, 4, 8, 16}), boost::test_tools::per_element());
    run.advance(101ms); // then the rush is over
    BOOST_TEST(100 - run.connections() == 32u);
    while (run.connections() < 100)
        all.push_back(run.open(echo));
    run.advance(101ms);
    BOOST_TEST(100 - run.connections() == 2u);
}

BOOST_AUTO_TEST_CASE(of_those_between_two_units_no_more_are_ended_than_2_percent_are_wanting)
{
    crowded_scenario run{100};
    run.newcomers_wait();
    std::vector<peer> all;
    for (int i = 0; i < 100; ++i)
        all.push_back(run.idle());
    run.advance(5s);
    for (int i = 0; i < 4; ++i) {
        BOOST_TEST(100 - run.connections() == 2u);
        while (run.connections() < 100)
            all.push_back(run.open(wait_elsewhere));
        run.advance(50ms);
    }
}

BOOST_AUTO_TEST_CASE(a_newcomer_that_was_refused_hurries_it_as_one_that_waits)
{
    crowded_scenario run{2};
    const peer it = run.silent();
    const peer last = run.open(wait_elsewhere);
    run.advance(4s);
    BOOST_TEST(!it.is_gone());
    detail::server_access::get(run.server()).shedding().newcomer_refused();
    run.advance(tick);
    BOOST_TEST(it.is_gone());
}

BOOST_AUTO_TEST_CASE(a_newcomer_that_comes_while_it_is_looked_for_room_is_not_forgotten)
{
    crowded_scenario run{2};
    const peer it = run.silent();
    const peer last = run.open(wait_elsewhere);
    run.advance(1s);
    run.advance(tick);
    detail::server_access::get(run.server()).shedding().permit_taken();
    detail::runtime_access::get(run.runtime()).control().poll(); // the loop has been asked, and has not answered
    run.newcomers_wait();
    detail::runtime_access::get(run.runtime()).control().poll();
    run.poll();
    run.advance(tick);
    BOOST_TEST(it.is_gone());
}

BOOST_AUTO_TEST_CASE(once_no_newcomer_waits_it_is_not_hurried_any_more)
{
    crowded_scenario run{2};
    run.newcomers_wait();
    detail::server_access::get(run.server()).shedding().newcomers_wait(false);
    const peer it = run.silent();
    const peer last = run.open(wait_elsewhere);
    run.advance(5s - 1ns);
    BOOST_TEST(!it.is_gone());
    run.advance(tick);
    BOOST_TEST(it.is_gone());
}

BOOST_AUTO_TEST_CASE(who_reads_a_stream_without_units_is_ended_while_it_has_nothing_and_never_later)
{
    std::string told;
    const auto read_on = [&told](connection& peer) -> awaitable<void> {
        std::array<char, 16> bytes{};
        try {
            for (;;)
                co_await peer.async_read_some(boost::asio::buffer(bytes), boost::asio::use_awaitable);
        } catch (const boost::system::system_error& e) {
            told = symbol(e.code());
            throw;
        }
    };
    crowded_scenario run{2};
    run.newcomers_wait();
    const peer busy = run.open(read_on, "x");
    const peer silent = run.open(read_on);
    run.advance(250ms);
    BOOST_TEST(silent.is_gone());
    BOOST_TEST(told == "shed");
    BOOST_TEST(run.last_end() == "shed: shed");
    const peer last = run.open(wait_elsewhere);
    run.advance(60s);
    BOOST_TEST(!busy.is_gone());
}

BOOST_AUTO_TEST_CASE(over_http_a_first_request_counts_until_its_body_is_whole_and_a_later_one_never)
{
    const std::string head = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
    struct {
        const char* name;
        std::vector<std::string> sent; // one after another
        bool ended;
    } const table[] = {
        {"a part of a head", {head.substr(0, 10)}, true},
        {"a head", {head}, true},
        {"a head in two parts, and a part of the body", {head.substr(0, 10), head.substr(10) + "01234"}, true},
        {"a body but for its last byte", {head + "0123", "45678"}, true},
        {"a part of a second head", {head + "0123456789", head.substr(0, 10)}, false},
        {"a part of a second body", {head.substr(0, 10), head.substr(10) + "0123456789", head + "01234"}, false},
        {"a part of a body, after a request without one", {get, head + "01234"}, false},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            crowded_scenario run{2};
            run.newcomers_wait();
            peer it = run.open(http::serve(echo_body));
            for (const std::string& piece : t.sent) {
                it.send(piece);
                it.received();
            }
            const peer last = run.open(wait_elsewhere);
            run.advance(1s);
            BOOST_TEST(it.is_gone() == t.ended);
        }
    }
}

// ---- Without limits::shed

BOOST_AUTO_TEST_CASE(without_shedding_each_kind_stays_past_its_age_and_a_newcomer_has_the_place_once_it_has_left)
{
    struct {
        const char* kind;
        duration past_its_age;
        const char* leaves;
    } const table[] = {{"lingering", 0s, "completed"},
                       {"silent", 6s, "completed"},
                       {"unfinished", 6s, "failed: truncated_head"},
                       {"flushing", 6s, "failed: frame_too_large"},
                       {"idle", 60s, "completed"}};
    for (const auto& t : table)
        for (const bool wait : {false, true}) {
            BOOST_TEST_CONTEXT(t.kind << (wait ? ", while newcomers wait" : ", while few permits are left"))
            {
                crowded_scenario run{2, false};
                if (wait)
                    run.newcomers_wait();
                peer it = run.made(t.kind);
                peer last = run.open(wait_elsewhere);
                run.steps(t.past_its_age, tick);
                BOOST_TEST(!it.is_gone());
                BOOST_TEST(run.connections() == 2u);
                while (!it.received().empty())
                    continue;
                it.end();
                run.advance(tick);
                BOOST_TEST(it.is_gone());
                BOOST_TEST(!it.was_reset());
                BOOST_TEST(run.last_end() == t.leaves);
                peer newcomer = run.open(echo, frame("x"));
                BOOST_TEST(newcomer.received() == frame("x"));
                BOOST_TEST(run.shed() == 0u);
            }
        }
}

BOOST_AUTO_TEST_CASE(without_shedding_nobody_in_a_server_of_100_is_ended_though_every_place_is_taken_again_and_again)
{
    crowded_scenario run{100, false};
    run.newcomers_wait();
    auto all = run.open_some(100);
    for (int i = 0; i < 5; ++i) {
        run.advance(6s);
        BOOST_TEST(ended(all).empty());
        all.front().end(); // leaves by itself
        run.advance(tick);
        BOOST_TEST(all.front().is_gone());
        BOOST_TEST(run.connections() == 99u);
        all.erase(all.begin());
        all.push_back(run.open(echo, frame("x")));
        BOOST_TEST(all.back().received() == frame("x"));
    }
    BOOST_TEST(run.shed() == 0u);
}

BOOST_AUTO_TEST_CASE(without_shedding_whatever_a_first_unit_lacks_is_waited_for)
{
    const auto reads_a_stream = [](connection& peer) -> awaitable<void> {
        std::array<char, 16> bytes{};
        for (;;)
            co_await peer.async_read_some(boost::asio::buffer(bytes), boost::asio::use_awaitable);
    };
    const std::string whole = frame(std::string(10'000, 'x'));
    const std::string request = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789";
    struct {
        const char* name;
        session_handler handler;
        std::string sent;
        std::string rest;
        std::string answered;
    } const table[] = {
        {"4 KiB of a frame", echo, whole.substr(0, 4096), whole.substr(4096), whole},
        {"a part of a head over HTTP", http::serve(echo_body), request.substr(0, 10), request.substr(10),
         "HTTP/1.1 200"},
        {"a part of a body over HTTP", http::serve(echo_body), request.substr(0, 55), request.substr(55),
         "HTTP/1.1 200"},
        {"nothing of a stream", reads_a_stream, "", "x", ""},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            crowded_scenario run{2, false};
            run.newcomers_wait();
            peer it = run.open(t.handler, t.sent);
            peer last = run.open(wait_elsewhere);
            run.steps(4s, tick);
            BOOST_TEST(!it.is_gone());
            it.send(t.rest);
            BOOST_TEST(it.received().starts_with(t.answered));
            BOOST_TEST(!it.is_gone());
            BOOST_TEST(run.shed() == 0u);
        }
    }
}

BOOST_AUTO_TEST_CASE(without_shedding_nothing_of_it_runs)
{
    crowded_scenario run{2, false};
    const peer first = run.open(wait_elsewhere);
    const std::size_t armed = detail::runtime_access::get(run.runtime()).control().timers().size();
    const peer last = run.open(wait_elsewhere);
    BOOST_TEST(detail::server_access::get(run.server()).room() == nullptr);
    BOOST_TEST(detail::runtime_access::get(run.runtime()).control().timers().size() == armed);
    crowded_scenario sheds{2};
    const peer one = sheds.open(wait_elsewhere);
    const peer other = sheds.open(wait_elsewhere);
    BOOST_TEST(detail::server_access::get(sheds.server()).room() != nullptr);
    BOOST_TEST(detail::runtime_access::get(sheds.runtime()).control().timers().size() > armed); // looks again
}

BOOST_AUTO_TEST_CASE(another_server_of_the_same_runtime_is_left_alone)
{
    crowded_scenario run{2};
    hawser::server other{run.runtime(), of_at_most(1)};
    detail::server_access::get(other).admission().take(); // and wants room, of which only the first one has some
    std::vector<peer> all{run.open(echo)};
    run.advance(6s);
    detail::server_access::get(other).shedding().permit_taken();
    run.advance(tick);
    BOOST_TEST(ended(all).empty());
    BOOST_TEST(run.shed() == 0u);
}
