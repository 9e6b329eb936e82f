// SPDX-License-Identifier: BSL-1.0

// Making room in a server over TLS: the kinds of session that there are before and after a handshake, and their ends.
#include "server/shedding.hpp"

#include "sealed_records.hpp"
#include "server/server_core.hpp"
#include "server/session.hpp"
#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE shedding_tls
#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>

using namespace hawser;
using namespace hawser::test;

namespace {

constexpr duration tick = 5ms; // of the wheel, and more

// A server of one place, for which newcomers wait.
struct full_scenario : tls_scenario {
    explicit full_scenario(bool shed = true) : tls_scenario{echo, good(), {.limits = {.connections = 1, .shed = shed}}}
    {
        if (detail::room_maker* const room = detail::server_access::get(server()).room())
            room->newcomers_wait(true);
    }

    // From the kernel's queue, that is.
    void accept()
    {
        BOOST_TEST_REQUIRE(until(*this, [this] { return server().statistics().connections == 1; }));
        poll();
    }
    // As it is told to end, whatever it does and however old that is.
    void shed_first()
    {
        detail::session& first = *detail::session_of(detail::connection_of(loop().connections.front()));
        first.shed(first.claims());
    }
    // Of its session, at that age and not one tick before.
    void expect_end_at(duration age)
    {
        advance(age - 1ns);
        BOOST_TEST(server().statistics().connections == 1u);
        advance(tick);
        BOOST_TEST(end_of_session() == "shed: shed");
        BOOST_TEST(server().statistics().connections == 0u);
    }
};

tls_peer::options trusting()
{
    return {.ca = root().certificate()};
}

constexpr bytes_view hello_begun{"\x16\x03\x01", 3};

} // namespace

BOOST_AUTO_TEST_CASE(who_has_sent_nothing_is_ended_after_a_quarter_of_a_second)
{
    full_scenario run;
    plain_peer p{run, run.port()};
    run.accept();
    run.expect_end_at(250ms);
    BOOST_TEST(p.ends());
    BOOST_TEST(!p.was_reset());
}

BOOST_AUTO_TEST_CASE(who_has_begun_a_handshake_is_ended_after_one_second)
{
    full_scenario run;
    plain_peer p{run, run.port()};
    run.accept();
    p.send(hello_begun);
    run.expect_end_at(1s);
    BOOST_TEST(p.ends());
    BOOST_TEST(!p.was_reset());
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_place_to_shake_hands_is_not_ended_for_it)
{
    tls_scenario run{echo, good(), {.limits = {.connections = 2, .handshakes = 1}}};
    detail::server_access::get(run.server()).shedding().newcomers_wait(true);
    tls_peer has_place{run, run.port(), trusting()};
    tls_peer waits{run, run.port(), trusting()};
    for (tls_peer* const p : {&has_place, &waits}) {
        SSL_do_handshake(p->ssl()); // says hello
        p->arrived();
        run.poll();
    }
    BOOST_TEST_REQUIRE(until(run, [&] { return has_place.has_input(); }));
    BOOST_TEST(!waits.has_input());
    run.advance(1s - 1ns);
    BOOST_TEST(run.server().statistics().connections == 2u);
    run.steps(250ms, tick); // a search may have been just before
    BOOST_TEST(run.end_of_session() == "shed: shed");
    BOOST_TEST(run.server().statistics().connections == 1u);
    BOOST_TEST_REQUIRE(waits.shake());
    waits.write("hello");
    BOOST_TEST(waits.read(5) == "hello");
}

BOOST_AUTO_TEST_CASE(who_has_sent_nothing_since_the_handshake_is_ended_after_one_second_and_told_so)
{
    full_scenario run;
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    run.expect_end_at(1s);
    BOOST_TEST(p.read_to_end() == "");
    BOOST_TEST(p.saw_end());
    BOOST_TEST(!p.was_reset());
}

BOOST_AUTO_TEST_CASE(a_first_record_has_a_second_more_for_each_4_KiB_that_have_come_of_it)
{
    for (const auto& [size, age] : {std::pair{4'095, 1s}, {4'096, 2s}, {8'191, 2s}, {8'192, 3s}}) {
        full_scenario run;
        tls_peer p{run, run.port(), trusting()};
        BOOST_TEST_REQUIRE(p.shake());
        const std::string record = sealed_records{p.ssl(), p.secret()}.data(std::string(16'000, 'x'));
        p.send(bytes_view{record}.substr(0, static_cast<std::size_t>(size)));
        run.expect_end_at(age);
    }
}

BOOST_AUTO_TEST_CASE(a_first_record_that_more_has_come_of_by_then_is_waited_for)
{
    full_scenario run;
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    const std::string record = sealed_records{p.ssl(), p.secret()}.data(std::string(16'000, 'x'));
    p.send(bytes_view{record}.substr(0, 4'095));
    p.put(bytes_view{record}.substr(4'095, 1));
    run.shed_first();
    run.poll();
    BOOST_TEST(run.server().statistics().connections == 1u);
    p.send(bytes_view{record}.substr(4'096));
    BOOST_TEST(p.read(16'000) == std::string(16'000, 'x'));
    BOOST_TEST(run.server().statistics().shed == 0u);
}

BOOST_AUTO_TEST_CASE(whose_next_record_has_begun_to_come_by_then_goes_on)
{
    full_scenario run;
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    sealed_records client{p.ssl(), p.secret()};
    p.send(client.data("first"));
    BOOST_TEST(p.read(5) == "first");
    const std::string record = client.data("later");
    p.put(bytes_view{record}.substr(0, 1));
    run.shed_first();
    run.poll();
    BOOST_TEST(run.server().statistics().connections == 1u);
    p.send(bytes_view{record}.substr(1));
    BOOST_TEST(p.read(5) == "later");
    run.shed_first();
    BOOST_TEST(run.end_of_session() == "shed: shed");
}

BOOST_AUTO_TEST_CASE(who_is_between_two_units_is_ended_after_five_seconds_and_told_so)
{
    full_scenario run;
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    p.write("hello");
    BOOST_TEST(p.read(5) == "hello");
    run.expect_end_at(5s);
    BOOST_TEST(p.read_to_end() == "");
    BOOST_TEST(p.saw_end());
    BOOST_TEST(!p.was_reset());
}

BOOST_AUTO_TEST_CASE(whose_first_bytes_have_come_by_then_goes_on)
{
    full_scenario run;
    plain_peer p{run, run.port()};
    run.accept();
    for (const bytes_view piece : {hello_begun, bytes_view{"\x01", 1}}) {
        p.put(piece);
        run.shed_first();
        run.poll();
        BOOST_TEST(!p.has_ended());
        BOOST_TEST(run.server().statistics().connections == 1u);
    }
    run.shed_first();
    BOOST_TEST(p.ends());
}

BOOST_AUTO_TEST_CASE(whose_request_has_come_by_then_is_answered)
{
    full_scenario run;
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    for (const bytes_view request : {"first", "later"}) {
        BOOST_REQUIRE_EQUAL(SSL_write(p.ssl(), request.data(), 5), 5);
        p.arrived();
        run.shed_first();
        BOOST_TEST(p.read(5) == request);
    }
    BOOST_TEST(run.server().statistics().shed == 0u);
}

BOOST_AUTO_TEST_CASE(without_shedding_a_newcomer_is_served_as_soon_as_whoever_has_the_place_leaves_and_not_before)
{
    struct {
        const char* name;
        void (*begin)(tls_peer&);
        const char* end;
    } const table[] = {
        {"it has sent nothing", [](tls_peer&) {}, "completed"},
        {"its hello has begun", [](tls_peer& p) { p.send(hello_begun); }, "failed: refused_by_peer"},
        {"it has sent nothing since the handshake", [](tls_peer& p) { BOOST_TEST(p.shake()); },
         "failed: stream_truncated"},
        {"a part of its first record has come",
         [](tls_peer& p) {
             BOOST_TEST(p.shake());
             p.send(bytes_view{sealed_records{p.ssl(), p.secret()}.data("hello")}.substr(0, 10));
         },
         "failed: stream_truncated"},
        {"it is between two units",
         [](tls_peer& p) {
             BOOST_TEST(p.shake());
             p.write("hello");
             BOOST_TEST(p.read(5) == "hello");
         },
         "failed: stream_truncated"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            full_scenario run{false};
            tls_peer p{run, run.port(), trusting()};
            run.accept();
            t.begin(p);
            tls_peer newcomer{run, run.port(), trusting()};
            run.steps(9s, 10ms); // of the 10 s for a handshake
            BOOST_TEST(!p.has_ended());
            BOOST_TEST(run.server().statistics().accepted == 1u);
            p.end();
            BOOST_TEST(newcomer.shake());
            newcomer.write("hello");
            BOOST_TEST(newcomer.read(5) == "hello");
            BOOST_TEST(run.end_of_session() == t.end);
            BOOST_TEST(run.server().statistics().shed == 0u);
        }
    }
}
