// SPDX-License-Identifier: BSL-1.0

// Handshakes whose peers keep others waiting: when they give up their places, and when not.
#include "loop/handshakes.hpp"

#include "server/server_core.hpp"
#include "server/session.hpp"
#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE slow_handshakes
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

// A server that lets so many shake hands at once, and peers of it.
struct busy_scenario : tls_scenario {
    explicit busy_scenario(std::size_t handshakes, bool shed = true)
        : tls_scenario{echo, good(), {.limits = {.connections = 4000, .shed = shed, .handshakes = handshakes}}}
    {
        hello = tls_peer{*this, port(), {}}.hello();
        BOOST_TEST_REQUIRE(end_of_session() == "completed"); // who has sent nothing
    }

    // Say hello, and nothing more.
    void come(std::size_t count)
    {
        for (std::size_t i = 0; i < count; ++i) {
            peers.push_back(std::make_unique<plain_peer>(*this, port()));
            peers.back()->send(hello);
            peers.back()->arrived();
            poll();
        }
    }
    // A letter for each that the server has answered; a dash once it has ended it.
    std::string answered()
    {
        said.resize(peers.size());
        std::string which;
        for (std::size_t i = 0; i < peers.size(); ++i) {
            said[i] = !peers[i]->received().empty() || said[i];
            if (peers[i]->has_ended())
                which += '-';
            else if (said[i])
                which += static_cast<char>('A' + i);
        }
        return which;
    }
    bool is_served(tls_peer& p)
    {
        if (!p.shake())
            return false;
        p.write("hello");
        return p.read(5) == "hello";
    }
    std::uint64_t shed() { return server().statistics().shed; }

    bool one_is_shed()
    {
        return until(*this, [this] { return shed() == 1; }) && last_end() == "shed: shed";
    }

    std::string hello;
    std::vector<bool> said;
    std::vector<std::unique_ptr<plain_peer>> peers;
};

} // namespace

BOOST_AUTO_TEST_CASE(whose_peer_has_said_nothing_for_1_s_is_shed_while_another_waits_and_not_a_nanosecond_before)
{
    busy_scenario run{1};
    run.come(2);
    BOOST_TEST(run.answered() == "A");
    run.advance(1s - 1ns);
    BOOST_TEST(run.shed() == 0u);
    run.advance(1ns);
    BOOST_TEST(run.one_is_shed());
    BOOST_TEST(run.shed() == 1u);
    BOOST_TEST(until(run, [&] { return run.answered() == "-B"; }));
    BOOST_TEST(!run.peers[0]->was_reset());
    run.advance(8s);
    BOOST_TEST(run.shed() == 1u); // nobody waits any more
}

BOOST_AUTO_TEST_CASE(who_has_been_shed_is_not_cut_before_that_is_told)
{
    busy_scenario run{1};
    run.come(1);
    detail::connection_core& c = detail::connection_of(run.loop().connections.front());
    BOOST_TEST_REQUIRE(c.yield_place(false));
    detail::session_of(c)->cut();
    run.poll();
    BOOST_TEST(run.last_end() == "shed: shed");
}

BOOST_AUTO_TEST_CASE(whose_answer_has_come_keeps_its_place_unless_it_takes_none_itself)
{
    for (const bool waits_to_send : {false, true}) {
        busy_scenario run{1};
        run.come(1);
        run.peers[0]->put("an answer");
        detail::connection_core& c = detail::connection_of(run.loop().connections.front());
        BOOST_TEST(c.yield_place(waits_to_send) == waits_to_send);
    }
}

BOOST_AUTO_TEST_CASE(while_nobody_waits_each_has_the_whole_deadline)
{
    busy_scenario run{2};
    run.come(2);
    run.steps(9'990ms, 10ms);
    BOOST_TEST(run.answered() == "AB");
    run.steps(20ms, 10ms);
    for (const auto& p : run.peers)
        p->end();
    BOOST_TEST(run.end_of_session(3) == "failed: handshake_timeout");
    BOOST_TEST(run.shed() == 0u);
}

BOOST_AUTO_TEST_CASE(who_comes_later_than_that_has_a_place_at_once)
{
    busy_scenario run{1};
    run.come(1);
    run.advance(3s);
    tls_peer p{run, run.port(), {}};
    SSL_do_handshake(p.ssl());
    p.arrived();
    run.poll();
    run.advance(5ms); // a tick of the wheel
    BOOST_TEST(run.shed() == 1u);
    BOOST_TEST(run.is_served(p));
}

BOOST_AUTO_TEST_CASE(the_one_that_has_waited_longest_is_shed_first_and_no_more_of_them_than_others_wait)
{
    busy_scenario run{3};
    for (int i = 0; i < 3; ++i) {
        run.come(1);
        run.advance(100ms);
    }
    run.advance(1s);
    run.come(1);
    run.advance(5ms);
    BOOST_TEST(until(run, [&] { return run.answered() == "-BCD"; }));
    run.come(1);
    run.advance(5ms);
    BOOST_TEST(until(run, [&] { return run.answered() == "--CDE"; }));
    BOOST_TEST(run.shed() == 2u);
}

BOOST_AUTO_TEST_CASE(what_has_come_by_then_is_looked_at_and_the_whole_of_an_answer_ends_the_wait)
{
    busy_scenario run{1};
    tls_peer first{run, run.port(), {}};
    SSL_do_handshake(first.ssl());
    first.arrived();
    run.poll();
    run.come(1);
    BOOST_TEST_REQUIRE(until(run, [&] { return first.has_input(); }));
    run.time.advance(2s); // the server is slow to see that
    SSL_do_handshake(first.ssl());
    first.arrived();
    BOOST_TEST(run.is_served(first));
    BOOST_TEST(run.shed() == 0u);
    BOOST_TEST(until(run, [&] { return run.answered() == "A"; }));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_the_whole_of_an_answer_are_no_more_time)
{
    const std::string answer = std::string("\x17\x03\x03\x00\x35", 5) + std::string(53, 'x');
    for (const duration last : {0ms, 900ms, 1000ms}) {
        BOOST_TEST_CONTEXT("a byte after " << last.count() << " ns")
        {
            busy_scenario run{1};
            run.come(2);
            for (duration gone{}; gone < last; gone += 100ms) {
                BOOST_TEST(run.shed() == 0u);
                run.peers[0]->send({&answer[static_cast<std::size_t>(gone / 100ms)], 1});
                run.time.advance(100ms);
            }
            run.peers[0]->put({&answer[static_cast<std::size_t>(last / 100ms)], 1});
            run.poll();
            if (last < 1s)
                run.advance(1s - last);
            BOOST_TEST(run.one_is_shed());
            BOOST_TEST(until(run, [&] { return run.answered() == "-B"; }));
        }
    }
}

BOOST_AUTO_TEST_CASE(each_round_trip_has_a_second_of_its_own)
{
    busy_scenario run{1};
    tls_peer first{run, run.port(), {.version = TLS1_2_VERSION}};
    SSL_do_handshake(first.ssl());
    first.arrived();
    run.poll();
    run.come(1);
    BOOST_TEST_REQUIRE(until(run, [&] { return first.has_input(); }));
    run.advance(990ms);
    SSL_do_handshake(first.ssl());
    first.arrived();
    run.poll();
    BOOST_TEST(run.is_served(first));
    BOOST_TEST(run.shed() == 0u);
}

BOOST_AUTO_TEST_CASE(a_request_for_another_hello_begins_a_turn_of_the_peers_too)
{
    for (const duration second : {999ms, 1000ms}) {
        busy_scenario run{1};
        tls_peer first{run, run.port(), {}};
        SSL_set1_groups_list(first.ssl(), "P-521:P-256"); // a key for the first, which the server does not speak
        SSL_do_handshake(first.ssl());
        first.arrived();
        run.poll();
        run.come(1);
        BOOST_TEST_REQUIRE(until(run, [&] { return first.has_input(); }));
        run.advance(999ms);
        SSL_do_handshake(first.ssl()); // the second hello
        first.arrived();
        run.poll();
        BOOST_TEST_REQUIRE(until(run, [&] { return first.has_input(); }));
        run.advance(second);
        BOOST_TEST(run.shed() == (second < 1s ? 0u : 1u));
        BOOST_TEST(first.has_input());
        if (second < 1s)
            BOOST_TEST(run.is_served(first));
    }
}

BOOST_AUTO_TEST_CASE(behind_3000_that_say_hello_and_nothing_more_who_means_it_is_served_within_a_second)
{
    busy_scenario run{1024};
    run.come(3000);
    tls_peer p{run, run.port(), {}};
    SSL_do_handshake(p.ssl());
    p.arrived();
    run.poll();
    BOOST_TEST(run.shed() == 0u);
    run.advance(1s);
    BOOST_TEST(run.is_served(p));
    BOOST_TEST(run.shed() == 1024u);
    BOOST_TEST(run.seen().ends.size() == 1024u + 1u); // the one whose hello they all say
    run.advance(1s);
    run.poll();
    BOOST_TEST(run.shed() == 3000u - 1024u);
    BOOST_TEST(std::all_of(run.seen().ends.begin() + 1, run.seen().ends.end(),
                           [](const session_end& e) { return e.reason == end_reason::shed && e.error == errc::shed; }));
}

BOOST_AUTO_TEST_CASE(once_the_first_has_waited_for_1_s_every_other_place_goes_to_the_last_that_has_come)
{
    busy_scenario run{2};
    run.come(7);
    BOOST_TEST(run.answered() == "AB");
    run.advance(1s);
    BOOST_TEST(until(run, [&] { return run.answered() == "--CG"; }));
    run.advance(1s);
    BOOST_TEST(until(run, [&] { return run.answered() == "---DF-"; }));
}

// ---- Without limits::shed

BOOST_AUTO_TEST_CASE(without_shedding_each_has_the_whole_deadline_though_others_wait_and_then_the_next_has_its_place)
{
    busy_scenario run{1, false};
    run.come(2);
    BOOST_TEST(run.answered() == "A");
    run.steps(9'990ms, 10ms);
    BOOST_TEST(run.answered() == "A");
    run.steps(20ms, 10ms);
    BOOST_TEST(until(run, [&] { return run.answered() == "-B"; }));
    run.peers[0]->end();
    BOOST_TEST(run.end_of_session(2) == "failed: handshake_timeout");
    run.steps(9'900ms, 10ms); // of which the wait for a place was no part
    BOOST_TEST(run.answered() == "-B");
    BOOST_TEST(run.shed() == 0u);
}

BOOST_AUTO_TEST_CASE(without_shedding_who_waits_is_served_as_soon_as_a_slow_peer_leaves)
{
    const std::string part = std::string("\x17\x03\x03\x00\x35", 5) + "x";
    for (const bool drips : {false, true}) {
        BOOST_TEST_CONTEXT((drips ? "it drips" : "it says nothing"))
        {
            busy_scenario run{1, false};
            run.come(1);
            tls_peer waits{run, run.port(), {}};
            SSL_do_handshake(waits.ssl());
            waits.arrived();
            run.poll();
            for (const char byte : part) {
                if (drips)
                    run.peers[0]->send({&byte, 1});
                run.advance(1s);
                BOOST_TEST(run.answered() == "A");
                BOOST_TEST(!waits.has_input());
            }
            run.peers[0]->end();
            BOOST_TEST(run.is_served(waits));
            BOOST_TEST(run.shed() == 0u);
        }
    }
}

BOOST_AUTO_TEST_CASE(without_shedding_every_other_place_that_a_deadline_frees_goes_to_the_last_that_has_come_too)
{
    busy_scenario run{2, false};
    run.come(7);
    run.steps(9'990ms, 10ms);
    BOOST_TEST(run.answered() == "AB");
    run.steps(20ms, 10ms);
    BOOST_TEST(until(run, [&] { return run.answered() == "--CG"; }));
    BOOST_TEST(run.shed() == 0u);
}
