// SPDX-License-Identifier: BSL-1.0

// Many handshakes at once: what each costs before its hello is whole, whose turn it is, and who waits for a place.
#include "loop/handshakes.hpp"

#include "place_taken.hpp"
#include "server/server_core.hpp"
#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE tls_handshakes
#include <boost/test/unit_test.hpp>

#include <boost/asio/post.hpp>

#include <dlfcn.h>

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

// OpenSSL's part of the server's connections, by what the library calls for each of them.
std::size_t engines = 0;      // that there are
std::size_t engines_made = 0; // in all
std::function<void()> before_step = [] {};

void count_again()
{
    engines = engines_made = 0;
    before_step = [] {};
}

template <class Function>
Function* real(const char* name)
{
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

server_options at_once(std::size_t handshakes, duration deadline = 10s)
{
    return {.limits = {.handshakes = handshakes}, .timeouts = {.handshake = deadline}};
}

std::string in_records_of_one_byte(bytes_view message)
{
    std::string all;
    for (const char byte : message)
        all += std::string("\x16\x03\x01\x00\x01", 5) + byte;
    return all;
}

// Peers of one server, the first of which have said hello.
class crowd
{
public:
    crowd(tls_scenario& run, std::size_t count) : run_{run}
    {
        for (std::size_t i = 0; i < count; ++i)
            peers_.push_back(std::make_unique<tls_peer>(run, run.port(), tls_peer::options{}));
    }
    tls_peer& operator[](std::size_t i) { return *peers_[i]; }
    void say_hello(std::size_t i)
    {
        SSL_do_handshake(peers_[i]->ssl());
        peers_[i]->arrived();
        run_.poll();
    }
    void all_say_hello()
    {
        for (std::size_t i = 0; i < peers_.size(); ++i)
            say_hello(i);
    }
    // Which of them the server has answered: a letter for each.
    std::string answered()
    {
        std::string which;
        for (std::size_t i = 0; i < peers_.size(); ++i)
            if (peers_[i]->descriptor() >= 0 && peers_[i]->has_input())
                which += static_cast<char>('A' + i);
        return which;
    }
    bool eventually_answered(const std::string& which)
    {
        return until(run_, [&] { return answered() == which; });
    }

private:
    tls_scenario& run_;
    std::vector<std::unique_ptr<tls_peer>> peers_;
};

} // namespace

extern "C" {
void SSL_set_accept_state(SSL* ssl)
{
    static const auto next = real<void(SSL*)>("SSL_set_accept_state");
    ++engines;
    ++engines_made;
    next(ssl);
}
void SSL_free(SSL* ssl)
{
    static const auto next = real<void(SSL*)>("SSL_free");
    if (ssl != nullptr && SSL_is_server(ssl) == 1)
        --engines;
    next(ssl);
}
int SSL_do_handshake(SSL* ssl)
{
    static const auto next = real<int(SSL*)>("SSL_do_handshake");
    if (SSL_is_server(ssl) == 1)
        before_step();
    return next(ssl);
}
}

// ---- Before there is a whole hello

BOOST_AUTO_TEST_CASE(nothing_is_built_before_the_last_byte_of_the_hello)
{
    count_again();
    tls_scenario run{echo, good()};
    tls_peer p{run, run.port(), {.ca = root().certificate()}};
    const std::string hello = p.hello();
    for (const char byte : bytes_view{hello}.substr(0, hello.size() - 1)) {
        p.send({&byte, 1});
        p.arrived();
    }
    run.poll();
    BOOST_TEST(engines_made == 0u);
    BOOST_TEST(run.loop().blocks().in_use() == 0u);
    p.send(bytes_view{hello}.substr(hello.size() - 1));
    BOOST_TEST(p.shake());
    BOOST_TEST(engines_made == 1u);
    p.write("hello");
    BOOST_TEST(p.read(5) == "hello");
}

BOOST_AUTO_TEST_CASE(a_hello_of_16_kib_in_records_of_one_byte_is_gathered_and_served)
{
    count_again();
    tls_scenario run{echo, good()};
    tls_peer p{run, run.port(), {.ca = root().certificate()}};
    std::string protocols;
    for (int i = 0; i < 60; ++i)
        protocols += '\xff' + std::string(255, 'p');
    BOOST_TEST_REQUIRE(SSL_set_alpn_protos(p.ssl(), reinterpret_cast<const unsigned char*>(protocols.data()),
                                           static_cast<unsigned>(protocols.size())) == 0);
    const std::string hello = p.hello();
    BOOST_TEST_REQUIRE(hello.size() > 15'000u);
    const std::string sent = in_records_of_one_byte(bytes_view{hello}.substr(5));
    p.send(bytes_view{sent}.substr(0, sent.size() - 1));
    p.arrived();
    run.poll();
    BOOST_TEST(engines_made == 0u);
    BOOST_TEST(run.loop().blocks().in_use() == 0u);
    p.send(bytes_view{sent}.substr(sent.size() - 1));
    BOOST_TEST(p.shake());
    p.write("hello");
    BOOST_TEST(p.read(5) == "hello");
}

BOOST_AUTO_TEST_CASE(what_cannot_become_a_hello_is_answered_at_once)
{
    struct {
        const char* name;
        std::string sent;
        const char* alert;
    } const table[] = {
        {"another message", std::string("\x16\x03\x01\x00\x40\x02\x00\x00\x3c", 9) + std::string(60, 'x'),
         "\x02\x0a"}, // unexpected_message
        {"another record", std::string("\x16\x03\x01\x00\x04\x01\x00\x00\x30\x17\x03\x01\x00\x01x", 15), "\x02\x0a"},
        {"an endless record", std::string("\x16\x03\x01\xff\xff\x01\x00\x00\x30", 9), "\x02\x16"}, // record_overflow
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            tls_scenario run{echo, good()};
            plain_peer p{run, run.port()};
            p.send(t.sent);
            BOOST_TEST(p.received_to_end().substr(5) == t.alert);
            p.end();
            BOOST_TEST(run.end_of_session() == "failed: handshake_failed");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_handshake_that_has_failed_keeps_nothing_of_openssls)
{
    count_again();
    tls_scenario run{echo, good()};
    plain_peer p{run, run.port()};
    p.send(std::string("\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9));
    BOOST_TEST(p.ends()); // and it lingers
    BOOST_TEST(run.last_end().empty());
    BOOST_TEST(engines_made == 1u);
    BOOST_TEST(engines == 0u);
}

// ---- Turns

BOOST_AUTO_TEST_CASE(whatever_else_a_loop_has_to_do_runs_between_any_two_steps_of_handshakes)
{
    constexpr std::size_t many = 40;
    std::size_t steps = 0;
    std::size_t answered_after = 0;
    tls_scenario run{echo, good()};
    run.server().listen("tcp://127.0.0.1:0", [&](connection& c) -> awaitable<void> {
        while (const auto bytes = co_await c.read_some()) {
            answered_after = steps;
            co_await c.write(*bytes);
        }
    });
    run.poll();
    plain_peer established{run, run.server().endpoints().back().port()};
    established.send("before");
    BOOST_TEST_REQUIRE(until(run, [&] { return established.received() == "before"; }));

    crowd peers{run, many};
    for (std::size_t i = 0; i < many; ++i)
        SSL_do_handshake(peers[i].ssl());
    BOOST_TEST_REQUIRE(::send(established.descriptor(), "x", 1, MSG_NOSIGNAL) == 1);
    for (std::size_t i = 0; i < many; ++i)
        peers[i].arrived();
    established.arrived();

    std::size_t since_other_work = 0;
    std::size_t most = 0;
    std::size_t other_work = 0;
    const std::function<void()> again = [&] {
        ++other_work;
        since_other_work = 0;
        if (steps < many)
            boost::asio::post(run.loop().context(), [&] { again(); });
    };
    before_step = [&] {
        ++steps;
        most = std::max(most, ++since_other_work);
    };
    again();
    run.poll();
    before_step = [] {};
    BOOST_TEST(steps == many);
    BOOST_TEST(most == 1u);
    BOOST_TEST(other_work >= many);
    BOOST_TEST(answered_after <= 3u);
    BOOST_TEST(established.received() == "x");
    for (std::size_t i = 0; i < many; ++i)
        BOOST_TEST(peers[i].shake());
}

BOOST_AUTO_TEST_CASE(who_ends_while_it_waits_for_its_turn_leaves_the_queue)
{
    count_again();
    tls_scenario run{echo, good()};
    crowd peers{run, 4};
    for (std::size_t i = 0; i < 4; ++i) {
        SSL_do_handshake(peers[i].ssl());
        peers[i].arrived();
    }
    std::size_t steps = 0;
    before_step = [&] {
        if (++steps == 1)
            boost::asio::post(run.loop().context(), [&] {
                std::vector<boost::intrusive_ptr<detail::connection_core>> all;
                for (detail::tenant& t : run.loop().connections)
                    all.emplace_back(&detail::connection_of(t));
                for (const auto& c : all)
                    c->reset();
            });
    };
    run.poll();
    BOOST_TEST(until(run, [&] { return run.seen().ends.size() == 4; }));
    before_step = [] {};
    BOOST_TEST(steps <= 2u); // and two of them have not had theirs
    BOOST_TEST(engines == 0u);
}

// ---- Places

BOOST_AUTO_TEST_CASE(one_handshake_more_than_may_be_in_progress_waits_and_they_get_their_places_in_order)
{
    count_again();
    tls_scenario run{echo, good(), at_once(2)};
    crowd peers{run, 5};
    peers.say_hello(0);
    peers.say_hello(1);
    BOOST_TEST(engines == 2u);
    peers.say_hello(2);
    peers.say_hello(3);
    peers.say_hello(4);
    BOOST_TEST(engines == 2u);
    BOOST_TEST(peers.answered() == "AB");
    for (const std::size_t done : {1U, 0U}) {
        const std::size_t next = 3 - done;
        BOOST_TEST(peers[done].shake());
        BOOST_TEST(until(run, [&] { return peers[next].has_input(); }));
        BOOST_TEST(!peers[next + 1].has_input());
        BOOST_TEST(engines_made == next + 1);
    }
    for (const std::size_t i : {2U, 3U, 4U})
        BOOST_TEST(peers[i].shake());
    peers[4].write("hello");
    BOOST_TEST(peers[4].read(5) == "hello");
}

BOOST_AUTO_TEST_CASE(who_has_not_said_all_of_its_hello_takes_no_place)
{
    tls_scenario run{echo, good(), at_once(1)};
    plain_peer silent{run, run.port()};
    plain_peer begun{run, run.port()};
    begun.send("\x16\x03\x01");
    tls_peer p{run, run.port(), {}};
    BOOST_TEST(p.shake());
}

BOOST_AUTO_TEST_CASE(a_place_is_given_back_however_its_handshake_ends)
{
    struct {
        const char* name;
        void (*end)(tls_scenario&, tls_peer&);
        const char* reason;
        duration deadline = 600ms;
    } const table[] = {
        {"it is done", [](tls_scenario&, tls_peer& p) { BOOST_TEST(p.shake()); }, ""},
        {"the peer breaks the rules",
         [](tls_scenario&, tls_peer& p) { p.send(std::string("\x17\x03\x03\x00\x01x", 6)); },
         "failed: handshake_failed"},
        {"the peer is gone", [](tls_scenario&, tls_peer& p) { p.reset(); }, "failed: ECONNRESET"},
        {"the peer has ended", [](tls_scenario&, tls_peer& p) { p.end(); }, "failed: refused_by_peer"},
        {"the deadline", [](tls_scenario& run, tls_peer&) { run.steps(610ms, 10ms); }, "failed: handshake_timeout"},
        {"the peer says nothing for 1 s, while another waits",
         [](tls_scenario& run, tls_peer&) { run.steps(1s, 10ms); }, "shed: shed", 10s},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            tls_scenario run{echo, good(), at_once(1, t.deadline)};
            crowd peers{run, 2};
            peers.all_say_hello();
            BOOST_TEST(peers.answered() == "A");
            t.end(run, peers[0]);
            BOOST_TEST(until(run, [&] { return peers[1].has_input(); }));
            BOOST_TEST(peers[1].shake());
            if (peers[0].descriptor() >= 0)
                peers[0].end();
            if (*t.reason != '\0')
                BOOST_TEST(run.end_of_session() == t.reason);
        }
    }
}

BOOST_AUTO_TEST_CASE(who_leaves_while_it_waits_for_a_place_is_not_kept)
{
    struct {
        const char* name;
        void (*leave)(tls_peer&);
        const char* end;
    } const table[] = {
        {"a reset", [](tls_peer& p) { p.reset(); }, "failed: ECONNRESET"},
        {"an end", [](tls_peer& p) { p.end(); }, "failed: refused_by_peer"},
        {"an end behind more bytes",
         [](tls_peer& p) {
             p.send("more");
             p.end();
         },
         "failed: refused_by_peer"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            count_again();
            tls_scenario run{echo, good(), at_once(1)};
            crowd peers{run, 3};
            peers.all_say_hello();
            t.leave(peers[1]);
            BOOST_TEST(run.end_of_session() == t.end);
            BOOST_TEST(engines_made == 1u);
            BOOST_TEST(peers[0].shake());
            BOOST_TEST(peers[2].shake());
        }
    }
}

BOOST_AUTO_TEST_CASE(who_has_ended_before_it_had_to_wait_for_a_place_is_not_kept)
{
    count_again();
    tls_scenario run{echo, good(), at_once(1)};
    crowd peers{run, 2};
    peers.say_hello(0);
    SSL_do_handshake(peers[1].ssl());
    peers[1].arrived();
    peers[1].end();
    BOOST_TEST(run.end_of_session() == "failed: refused_by_peer");
    BOOST_TEST(engines_made == 1u);
}

BOOST_AUTO_TEST_CASE(more_bytes_behind_a_hello_that_waits_neither_wake_it_nor_are_lost)
{
    count_again();
    tls_scenario run{echo, good(), at_once(1)};
    crowd peers{run, 2};
    peers.all_say_hello();
    peers[1].send(std::string("\x14\x03\x03\x00\x01\x01", 6)); // as a client of TLS 1.3 may at any time
    BOOST_TEST(engines_made == 1u);
    BOOST_TEST(peers[0].shake());
    BOOST_TEST(peers[1].shake());
    peers[1].write("hello");
    BOOST_TEST(peers[1].read(5) == "hello");
}

BOOST_AUTO_TEST_CASE(the_wait_for_a_place_does_not_count_to_the_deadline)
{
    tls_scenario run{echo, good(), at_once(1, 900ms)};
    crowd peers{run, 2};
    peers.all_say_hello();
    run.steps(890ms, 10ms);
    BOOST_TEST(run.seen().ends.empty());
    run.steps(20ms, 10ms); // the first is cut, and the second has its place
    BOOST_TEST(peers.eventually_answered("AB"));
    run.steps(880ms, 10ms);
    BOOST_TEST(!peers[1].has_ended());
    run.steps(30ms, 10ms);
    BOOST_TEST(peers[1].ends());
    peers[1].end();
    BOOST_TEST(run.end_of_session() == "failed: handshake_timeout");
}

BOOST_AUTO_TEST_CASE(no_more_than_ten_seconds_of_the_wait_for_a_place_are_not_counted)
{
    tls_scenario run{echo, good(), at_once(1, 15s)};
    place_taken other{run};
    crowd peers{run, 1};
    peers.all_say_hello();
    run.steps(16s, 100ms);
    other.give_back();
    BOOST_TEST(peers.eventually_answered("A"));
    run.steps(8'900ms, 100ms);
    BOOST_TEST(!peers[0].has_ended());
    run.steps(150ms, 10ms);
    BOOST_TEST(peers[0].ends());
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_place_longer_than_its_deadline_and_ten_seconds_is_cut)
{
    count_again();
    tls_scenario run{echo, good(), at_once(1, 15s)};
    place_taken other{run};
    crowd peers{run, 3};
    peers.all_say_hello();
    run.steps(24'900ms, 100ms);
    for (const std::size_t i : {0U, 1U, 2U})
        BOOST_TEST(!peers[i].has_ended());
    run.steps(150ms, 10ms);
    for (const std::size_t i : {0U, 1U, 2U}) {
        BOOST_TEST(peers[i].ends());
        peers[i].end();
    }
    BOOST_TEST(engines_made == 0u);
    BOOST_TEST(run.end_of_session(3) == "failed: handshake_timeout");
}

BOOST_AUTO_TEST_CASE(at_drain_whoever_waits_for_a_place_is_served_too)
{
    tls_scenario run{echo, good(), at_once(1)};
    crowd peers{run, 3};
    peers.all_say_hello();
    run.server().drain();
    run.poll();
    for (const std::size_t i : {0U, 1U, 2U}) {
        BOOST_TEST(peers[i].shake());
        peers[i].read_to_end();
        BOOST_TEST(peers[i].saw_end());
        peers[i].close_notify();
        peers[i].end();
    }
    BOOST_TEST(until(run, [&] { return run.server().report().has_value(); }));
    BOOST_TEST(run.server().report()->clean());
}

BOOST_AUTO_TEST_CASE(a_runtime_may_end_while_some_wait_for_their_places_and_turns)
{
    count_again();
    {
        tls_scenario run{echo, good(), at_once(1)};
        crowd peers{run, 4};
        peers.all_say_hello();
        run.end();
    }
    BOOST_TEST(engines == 0u);
}

// ---- Memory that is given back

BOOST_AUTO_TEST_CASE(memory_is_given_back_5_s_after_64_handshakes_have_failed_and_then_every_10_s_as_long_as_more_do)
{
    tls_scenario run{echo, good()};
    detail::memory_return& memory = detail::server_access::get(run.server()).memory();
    std::size_t ended = 0;
    const auto fail = [&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            plain_peer p{run, run.port()};
            p.send("x");
            p.reset();
            run.end_of_session(++ended);
        }
    };
    fail(63);
    run.steps(60s, 1s);
    BOOST_TEST(memory.times() == 0u);
    fail(1);
    run.steps(4900ms, 100ms);
    BOOST_TEST(memory.times() == 0u);
    run.steps(200ms, 10ms);
    BOOST_TEST(memory.times() == 1u);
    fail(1);
    run.steps(9800ms, 100ms);
    BOOST_TEST(memory.times() == 1u);
    run.steps(300ms, 10ms);
    BOOST_TEST(memory.times() == 2u);
    run.steps(60s, 1s);
    BOOST_TEST(memory.times() == 2u);
    fail(64);
    run.steps(5100ms, 10ms);
    BOOST_TEST(memory.times() == 3u);
    fail(64);
    run.server().drain();
    run.steps(60s, 1s);
    BOOST_TEST(memory.times() == 3u);
}
