// Making room in a server that is full, or nearly so: who is ended, when, and who is not; each bound at it and one past
// it.
#include "server/shedding.hpp"

#include "http_served.hpp"
#include "scenario.hpp"
#include "server/server_core.hpp"
#include "server/session.hpp"

#define BOOST_TEST_MODULE shedding
#include <boost/test/unit_test.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace hawser;
using namespace hawser::test;

constexpr bytes_view head_begun{"\0", 1};
constexpr bytes_view too_large{"\xff\xff\xff\xff", 4};
constexpr duration tick = 5ms; // of the wheel, and more

awaitable<void> echo(connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

// Waits for something that is not the connection's.
awaitable<void> wait_elsewhere(connection&)
{
    boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
    timer.expires_at(boost::asio::steady_timer::time_point::max());
    co_await timer.async_wait(boost::asio::use_awaitable);
}

awaitable<void> leave(connection&)
{
    co_return;
}

awaitable<void> write_and_leave(connection& peer)
{
    co_await peer.write_frame("what the peer does not read");
}

server_options of_at_most(std::size_t connections)
{
    return {.limits = {.connections = connections}};
}

struct crowded_scenario : server_scenario {
    explicit crowded_scenario(std::size_t limit) : server_scenario{of_at_most(limit)} {}

    // Sessions that begin to wait one tick after another.
    std::vector<peer> open_some(std::size_t count)
    {
        std::vector<peer> all;
        for (std::size_t i = 0; i < count; ++i) {
            advance(tick);
            all.push_back(open(echo));
        }
        return all;
    }
    std::uint64_t shed() { return server().statistics().shed; }
    std::size_t connections() { return server().statistics().connections; }
    // As it is told to end, whatever it does and however old that is.
    void shed_first()
    {
        detail::session& first = *detail::session_of(detail::connection_of(loop().connections.front()));
        first.shed(first.claims());
    }
    // In a queue of the kernel's.
    void newcomers_wait() { server().core().making_room().newcomers_wait(true); }

    // Sessions of each kind, the claim of each from now on.
    peer lingering() { return open(leave); }
    peer silent() { return open(echo); }
    peer unfinished() { return open(echo, head_begun); }
    peer idle()
    {
        peer made = open(echo, frame("x"));
        made.received();
        return made;
    }
    peer flushing()
    {
        const path before = std::exchange(outbound, {.capacity = 4});
        peer made = open(echo, frame("answered") + std::string{too_large});
        outbound = before;
        return made;
    }
    peer made(std::string_view kind)
    {
        return kind == "lingering"    ? lingering()
               : kind == "silent"     ? silent()
               : kind == "unfinished" ? unfinished()
               : kind == "flushing"   ? flushing()
                                      : idle();
    }
};

constexpr std::array kinds{"lingering", "silent", "unfinished", "flushing", "idle"}; // in their order

// The places of those whose sessions have ended their output. They end theirs, as clients do.
std::vector<std::size_t> ended(std::vector<peer>& all)
{
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].has_ended()) {
            all[i].end();
            places.push_back(i);
        }
    return places;
}

using places = std::vector<std::size_t>;

} // namespace

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

BOOST_AUTO_TEST_CASE(who_is_ended_is_closed_in_the_same_turn_and_told_no_reset)
{
    for (const char* kind : {"silent", "unfinished", "idle"}) {
        BOOST_TEST_CONTEXT(kind)
        {
            crowded_scenario run{2};
            const peer it = run.made(kind);
            run.advance(5s);
            const peer last = run.open(wait_elsewhere); // no client's end, and no time, is waited for
            BOOST_TEST(it.is_gone());
            BOOST_TEST(!it.was_reset());
            BOOST_TEST(run.last_end() == "shed: shed");
            const server_statistics counts = run.server().statistics();
            BOOST_TEST(counts.connections == 1u);
            BOOST_TEST(counts.shed == 1u);
            BOOST_TEST(counts.completed == 1u);
            BOOST_TEST(counts.failed == 0u);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_handler_is_told_of_an_end_between_two_units_and_of_an_error_inside_the_first)
{
    std::string told;
    const auto tell = [&told](connection& peer) -> awaitable<void> {
        try {
            while (const auto frame = co_await peer.read_frame())
                co_await peer.write_frame(*frame);
            told = "end";
        } catch (const system_error& e) {
            told = symbol(e.code());
            throw;
        }
    };
    struct {
        std::string sent;
        const char* told;
    } const table[] = {{"", "end"}, {frame("x"), "end"}, {std::string{head_begun}, "shed"}};
    for (const auto& t : table) {
        crowded_scenario run{2};
        const peer it = run.open(tell, t.sent);
        run.advance(5s);
        const peer last = run.open(wait_elsewhere);
        BOOST_TEST(told == t.told);
        BOOST_TEST(run.last_end() == "shed: shed");
    }
}

// The bytes are there when its end is decided, and its reader has not been told of them.
BOOST_AUTO_TEST_CASE(what_has_come_by_then_is_answered_and_its_session_stays)
{
    for (const char* kind : {"silent", "unfinished", "idle"}) {
        BOOST_TEST_CONTEXT(kind)
        {
            crowded_scenario run{2};
            peer it = run.made(kind);
            run.advance(5s);
            const std::string whole = frame("just in time");
            it.send_later(kind == std::string_view{"unfinished"} ? whole.substr(1) : whole);
            run.shed_first();
            run.poll();
            BOOST_TEST(it.received() == whole);
            BOOST_TEST(!it.has_ended());
            BOOST_TEST(run.shed() == 0u);
            it.send(frame("and on"));
            BOOST_TEST(it.received() == frame("and on"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_first_unit_that_more_has_come_of_but_not_all_is_ended_all_the_same)
{
    crowded_scenario run{2};
    peer it = run.unfinished();
    run.advance(1s);
    const std::string whole = frame("never whole");
    it.send_later(bytes_view{whole}.substr(1, 7));
    run.shed_first();
    BOOST_TEST(it.is_gone());
    run.poll();
    BOOST_TEST(run.last_end() == "shed: shed");
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
        {.body = size}));
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

BOOST_AUTO_TEST_CASE(a_peer_that_has_left_by_then_has_ended_its_session_itself)
{
    for (const char* kind : {"silent", "unfinished", "idle"}) {
        BOOST_TEST_CONTEXT(kind)
        {
            crowded_scenario run{2};
            peer it = run.made(kind);
            it.inbound({.delay = 5s});
            it.end();
            run.time.advance(5s); // it has come, and nobody is told yet
            run.shed_first();
            run.poll();
            BOOST_TEST(it.is_gone());
            BOOST_TEST(run.shed() == 0u);
            BOOST_TEST(run.last_end() ==
                       (kind == std::string_view{"unfinished"} ? "failed: truncated_head" : "completed"));
        }
    }
}

BOOST_AUTO_TEST_CASE(who_still_has_output_to_take_is_not_ended_until_it_has_and_5_s_more)
{
    crowded_scenario run{3};
    run.newcomers_wait();
    run.outbound = {.capacity = 4};
    peer slow = run.open(echo, frame("x"));
    run.outbound = {};
    const peer second = run.open(wait_elsewhere);
    const peer last = run.open(wait_elsewhere);
    run.advance(6s);
    BOOST_TEST(!slow.is_gone());
    std::string got = slow.received();
    got += slow.received();
    run.advance(5s - 1ns);
    BOOST_TEST(!slow.is_gone());
    run.advance(tick);
    BOOST_TEST(slow.is_gone());
    BOOST_TEST(got == frame("x"));
    BOOST_TEST(!slow.was_reset());
}

BOOST_AUTO_TEST_CASE(a_session_that_lingers_keeps_the_reason_that_it_ended_for)
{
    crowded_scenario run{2};
    run.newcomers_wait();
    peer refused = run.open(echo, too_large);
    BOOST_TEST(refused.has_ended());
    BOOST_TEST(!refused.is_gone());
    refused.send("what it drops");
    refused.send_later("and this");
    const peer last = run.open(wait_elsewhere);
    BOOST_TEST(refused.is_gone());
    BOOST_TEST(!refused.was_reset());
    BOOST_TEST(run.last_end() == "failed: frame_too_large");
    BOOST_TEST(run.shed() == 0u);
    BOOST_TEST(run.connections() == 1u);
}

BOOST_AUTO_TEST_CASE(a_failed_session_that_still_sends_is_reset_and_keeps_its_reason)
{
    crowded_scenario run{2};
    run.newcomers_wait();
    const peer it = run.flushing();
    run.advance(1s);
    const peer last = run.open(wait_elsewhere);
    BOOST_TEST(it.was_reset());
    BOOST_TEST(run.last_end() == "failed: frame_too_large");
    BOOST_TEST(run.shed() == 0u);
}

BOOST_AUTO_TEST_CASE(a_session_that_returned_sends_the_rest_of_its_output)
{
    crowded_scenario run{2};
    run.newcomers_wait();
    run.outbound = {.capacity = 4};
    peer it = run.open(write_and_leave);
    run.outbound = {};
    const peer last = run.open(wait_elsewhere);
    run.advance(20s);
    BOOST_TEST(!it.has_ended());
    std::string got;
    for (std::string piece = it.received(); !piece.empty(); piece = it.received())
        got += piece;
    BOOST_TEST(got == frame("what the peer does not read"));
    run.advance(tick); // and then it lingers
    run.advance(250ms);
    BOOST_TEST(it.is_gone());
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
    run.server().core().making_room().newcomer_refused();
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
    run.server().core().making_room().permit_taken();
    run.runtime().core().control().poll(); // the loop has been asked, and has not answered
    run.newcomers_wait();
    run.runtime().core().control().poll();
    run.poll();
    run.advance(tick);
    BOOST_TEST(it.is_gone());
}

BOOST_AUTO_TEST_CASE(once_no_newcomer_waits_it_is_not_hurried_any_more)
{
    crowded_scenario run{2};
    run.newcomers_wait();
    run.server().core().making_room().newcomers_wait(false);
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

BOOST_AUTO_TEST_CASE(what_arrives_with_the_end_is_answered)
{
    crowded_scenario run{2};
    std::vector<peer> all{run.open(echo)};
    run.advance(60s);
    all[0].send_later(frame("just in time"));
    all.push_back(run.open(wait_elsewhere));
    BOOST_TEST(all[0].received() == frame("just in time"));
    BOOST_TEST(!all[0].has_ended()); // it has not waited 5 s since
    run.advance(5s);
    BOOST_TEST(all[0].has_ended());
}

BOOST_AUTO_TEST_CASE(another_server_of_the_same_runtime_is_left_alone)
{
    crowded_scenario run{2};
    hawser::server other{run.runtime(), of_at_most(1)};
    other.core().doors().take(); // and wants room, of which only the first one has some
    std::vector<peer> all{run.open(echo)};
    run.advance(6s);
    other.core().making_room().permit_taken();
    run.advance(tick);
    BOOST_TEST(ended(all).empty());
    BOOST_TEST(run.shed() == 0u);
}

BOOST_AUTO_TEST_CASE(a_server_that_goes_while_it_waits_for_candidates_leaves_nothing_behind)
{
    crowded_scenario run{2};
    {
        hawser::server other{run.runtime(), of_at_most(1)};
        other.core().doors().take();
        other.core().making_room().permit_taken();
        run.poll();
        BOOST_TEST(run.runtime().core().control().timers().size() == 1u);
    }
    run.poll();
    BOOST_TEST(run.runtime().core().control().timers().size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_drain_ends_all_of_them_and_sheds_none)
{
    crowded_scenario run{2};
    std::vector<peer> all{run.open(echo), run.open(echo)};
    run.server().stop();
    run.advance(6s);
    BOOST_TEST(ended(all).size() == 2u);
    BOOST_TEST(run.shed() == 0u);
    BOOST_TEST(run.last_end() == "completed");
}
