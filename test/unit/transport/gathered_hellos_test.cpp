// SPDX-License-Identifier: BSL-1.0

// A ClientHello that comes in pieces: how much of it is held, by how many, and who waits meanwhile.
#include "tls/client_hello.hpp"

#include "place_taken.hpp"
#include "server/server_core.hpp"
#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE gathered_hellos
#include <boost/test/unit_test.hpp>

#include <malloc.h>
#include <sys/ioctl.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

std::size_t held = 0; // bytes of memory that were asked for and not given back

} // namespace

void* operator new(std::size_t size)
{
    void* const made = std::malloc(size);
    if (made == nullptr)
        throw std::bad_alloc{};
    held += ::malloc_usable_size(made);
    return made;
}
void operator delete(void* made) noexcept
{
    held -= ::malloc_usable_size(made);
    std::free(made);
}
void operator delete(void* made, std::size_t) noexcept
{
    operator delete(made);
}

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t without_place = 2 * kib;

std::string message(std::size_t size)
{
    return std::string{'\x01', static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)} +
           std::string(size, 'h');
}

std::string record(bytes_view content, std::size_t announced)
{
    return std::string{'\x16', '\x03', '\x01', static_cast<char>(announced >> 8), static_cast<char>(announced)}.append(
        content);
}

std::string in_records_of_one_byte(bytes_view of)
{
    std::string all;
    for (const char byte : of)
        all += record({&byte, 1}, 1);
    return all;
}

struct gathering_scenario : tls_scenario {
    explicit gathering_scenario(std::size_t handshakes)
        : tls_scenario{echo, good(), {.limits = {.connections = 1000, .handshakes = handshakes}}}
    {}

    detail::handshake_places& places() { return *detail::server_access::get(server()).places_on(loop()); }
    plain_peer& come(bytes_view sent)
    {
        peers.push_back(std::make_unique<plain_peer>(*this, port()));
        BOOST_TEST_REQUIRE(until(*this, [this] { return server().statistics().connections == peers.size(); }));
        peers.back()->send(sent);
        peers.back()->arrived();
        poll();
        return *peers.back();
    }
    // By the first connection.
    int unread()
    {
        int waiting = -1;
        ::ioctl(detail::connection_of(loop().connections.front()).descriptor(), FIONREAD, &waiting);
        return waiting;
    }

    std::vector<std::unique_ptr<plain_peer>> peers;
};

} // namespace

BOOST_AUTO_TEST_CASE(who_has_sent_2_kib_of_a_hello_takes_a_place_and_one_byte_less_takes_none)
{
    const std::string hello = record(message(4000), 4004);
    for (const std::size_t size : {without_place - 1, without_place}) {
        gathering_scenario run{1};
        run.come(bytes_view{hello}.substr(0, size));
        BOOST_TEST(run.places().free() == (size < without_place ? 1u : 0u));
        BOOST_TEST(run.unread() == 0);
    }
}

BOOST_AUTO_TEST_CASE(who_waits_for_that_place_is_not_read_from)
{
    const std::string hello = record(message(4000), 4004);
    gathering_scenario run{1};
    place_taken other{run};
    run.come(bytes_view{hello}.substr(0, 3000));
    BOOST_TEST(run.unread() == 3000 - static_cast<int>(without_place));
    run.peers[0]->send(bytes_view{hello}.substr(3000, 500));
    run.peers[0]->arrived();
    run.poll();
    BOOST_TEST(run.unread() == 3500 - static_cast<int>(without_place));
    other.give_back();
    BOOST_TEST(until(run, [&] { return run.unread() == 0; }));
    BOOST_TEST(run.places().free() == 0u);
}

BOOST_AUTO_TEST_CASE(a_hello_whose_rest_waits_for_a_place_is_served)
{
    gathering_scenario run{1};
    place_taken other{run};
    tls_peer p{run, run.port(), {.ca = root().certificate()}};
    std::string protocols;
    for (int i = 0; i < 60; ++i)
        protocols += '\xff' + std::string(255, 'p');
    BOOST_TEST_REQUIRE(SSL_set_alpn_protos(p.ssl(), reinterpret_cast<const unsigned char*>(protocols.data()),
                                           static_cast<unsigned>(protocols.size())) == 0);
    const std::string hello = p.hello();
    BOOST_TEST_REQUIRE(hello.size() > 15'000u);
    p.send(in_records_of_one_byte(bytes_view{hello}.substr(5)));
    p.arrived();
    run.poll();
    BOOST_TEST(run.unread() > 0);
    other.give_back();
    BOOST_TEST(p.shake());
    p.write("hello");
    BOOST_TEST(p.read(5) == "hello");
    BOOST_TEST(run.places().free() == 1u);
}

BOOST_AUTO_TEST_CASE(who_leaves_while_its_hello_waits_for_a_place_is_not_kept)
{
    const std::string hello = record(message(4000), 4004);
    gathering_scenario run{1};
    place_taken other{run};
    run.come(bytes_view{hello}.substr(0, 3000)).end();
    BOOST_TEST(run.end_of_session() == "failed: refused_by_peer");
}

BOOST_AUTO_TEST_CASE(a_hello_that_has_a_place_and_does_not_end_within_1_s_is_shed_while_another_waits)
{
    const std::string hello = record(message(4000), 4004);
    gathering_scenario run{1};
    run.come(bytes_view{hello}.substr(0, 3000));
    run.advance(500ms);
    run.peers[0]->send(bytes_view{hello}.substr(3000, 1));
    run.come(bytes_view{hello}.substr(0, 3000));
    run.advance(500ms - 1ns);
    BOOST_TEST(run.server().statistics().shed == 0u);
    run.advance(1ns);
    BOOST_TEST(run.end_of_session() == "shed: shed");
    BOOST_TEST(run.server().statistics().shed == 1u);
    BOOST_TEST(until(run, [&] { return run.unread() == 0; }));
    run.advance(9'490ms); // nobody waits for the second one's place
    BOOST_TEST(run.seen().ends.size() == 1u);
    run.advance(520ms);
    run.peers[1]->end();
    BOOST_TEST(run.end_of_session(2) == "failed: handshake_timeout");
}

// The largest hello, each byte in a record of its own, but for the last byte: 98 KB.
BOOST_AUTO_TEST_CASE(what_all_of_them_hold_is_2_kib_and_twice_2_kib_for_each_and_64_kib_for_each_place)
{
    constexpr std::size_t many = 60;
    constexpr std::size_t places = 4;
    const std::string hello = message(detail::client_hello::largest);
    const std::string sent = in_records_of_one_byte(bytes_view{hello}.substr(0, hello.size() - 1));
    gathering_scenario run{places};
    run.peers.reserve(many);
    run.come({});
    const std::size_t before = held;
    for (std::size_t i = 0; i < many; ++i)
        run.come(sent);
    BOOST_TEST(run.places().free() == 0u);
    BOOST_TEST(held - before > many * without_place);
    BOOST_TEST(held - before <= many * (2 * kib + 2 * without_place) + places * 64 * kib);
}

BOOST_AUTO_TEST_CASE(what_stands_behind_the_largest_hello_in_its_record_is_not_gathered_without_end)
{
    const std::string hello = message(detail::client_hello::largest);
    for (const std::size_t more : {5U, 6U}) { // a third head might have stood before the hello's end
        BOOST_TEST_CONTEXT(more << " bytes more")
        {
            gathering_scenario run{1};
            const std::string empty_messages{"\x01\0\0\0\x01\0", more};
            const std::string last = hello.substr(16384) + empty_messages;
            plain_peer& p = run.come(record(hello.substr(0, 16384), 16384) + record(last, 16384));
            if (more == 5) {
                BOOST_TEST(!p.has_ended());
                continue;
            }
            BOOST_TEST(p.received_to_end().substr(5) == "\x02\x2f"); // illegal_parameter
            p.end();
            BOOST_TEST(run.end_of_session() == "failed: handshake_failed");
            BOOST_TEST(run.last_words() == "more behind a ClientHello in its record, 16404 bytes in all, limit 16403");
        }
    }
}
