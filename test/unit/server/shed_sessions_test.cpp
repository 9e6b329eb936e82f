// SPDX-License-Identifier: BSL-1.0

// Sessions that make room for others: how they end, what they are told, and which of them stay after all.
#include "server/shedding.hpp"

#include "crowded_scenario.hpp"

#define BOOST_TEST_MODULE shed_sessions
#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace hawser;
using namespace hawser::test;

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

BOOST_AUTO_TEST_CASE(a_handler_that_reads_again_after_its_close_finds_the_end_though_it_was_shed_meanwhile)
{
    crowded_scenario run{2};
    run.newcomers_wait();
    std::string found;
    const session_handler closes_and_reads = [&found](connection& peer) -> awaitable<void> {
        co_await peer.close();
        const auto frame = co_await peer.read_frame();
        found = frame ? "a frame" : "the end";
    };
    peer it = run.open(closes_and_reads);
    BOOST_TEST(it.has_ended());
    BOOST_TEST(!it.is_gone());
    const peer last = run.open(wait_elsewhere);
    BOOST_TEST(it.is_gone());
    BOOST_TEST(found == "the end");
    BOOST_TEST(run.shed() == 1u);
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

BOOST_AUTO_TEST_CASE(a_server_that_goes_while_it_waits_for_candidates_leaves_nothing_behind)
{
    crowded_scenario run{2};
    {
        hawser::server other{run.runtime(), of_at_most(1)};
        detail::server_access::get(other).admission().take();
        detail::server_access::get(other).shedding().permit_taken();
        run.poll();
        BOOST_TEST(detail::runtime_access::get(run.runtime()).control().timers().size() == 1u);
    }
    run.poll();
    BOOST_TEST(detail::runtime_access::get(run.runtime()).control().timers().size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_drain_ends_all_of_them_and_sheds_none)
{
    for (const bool shed : {true, false}) {
        crowded_scenario run{2, shed};
        std::vector<peer> all{run.open(echo), run.open(echo)};
        run.server().drain();
        run.advance(6s);
        BOOST_TEST(ended(all).size() == 2u);
        BOOST_TEST(run.shed() == 0u);
        BOOST_TEST(run.last_end() == "completed");
    }
}

BOOST_AUTO_TEST_CASE(without_shedding_who_still_has_output_to_take_or_lingers_has_all_of_its_own_deadlines)
{
    crowded_scenario run{3, false};
    run.newcomers_wait();
    run.outbound = {.capacity = 4};
    peer slow = run.open(write_and_leave);
    run.outbound = {};
    const peer lingers = run.open(leave);
    const peer last = run.open(wait_elsewhere);
    run.advance(2s - 1ns);
    BOOST_TEST(!lingers.is_gone());
    run.advance(tick); // it has been silent for 2 s
    BOOST_TEST(lingers.is_gone());
    peer newcomer = run.open(echo, frame("x"));
    BOOST_TEST(newcomer.received() == frame("x"));
    run.advance(20s);
    BOOST_TEST(!slow.has_ended());
    std::string got;
    for (std::string piece = slow.received(); !piece.empty(); piece = slow.received())
        got += piece;
    BOOST_TEST(got == frame("what the peer does not read"));
    run.advance(2s - 1ns); // and then it lingers
    BOOST_TEST(!slow.is_gone());
    BOOST_TEST(run.shed() == 0u);
    BOOST_TEST(run.last_end() == "completed");
}
