// SPDX-License-Identifier: BSL-1.0

// Connections over real sockets on one loop that the test turns by hand: what the poller is told once, nobody tells
// again.
#include "loop/poller.hpp"

#define BOOST_TEST_MODULE poller
#include <boost/test/unit_test.hpp>

#include "turned_loop.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <list>
#include <memory>
#include <string>
#include <utility>

using namespace hawser;
using namespace hawser::detail;
using namespace hawser::test;

namespace {

void send_with_descriptor(const descriptor& to, std::string_view bytes)
{
    iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const passed = CMSG_FIRSTHDR(&message);
    passed->cmsg_level = SOL_SOCKET;
    passed->cmsg_type = SCM_RIGHTS;
    passed->cmsg_len = CMSG_LEN(sizeof(int));
    const int any = STDERR_FILENO;
    std::copy_n(reinterpret_cast<const char*>(&any), sizeof any, reinterpret_cast<char*>(CMSG_DATA(passed)));
    BOOST_REQUIRE_EQUAL(::sendmsg(to.get(), &message, 0), static_cast<ssize_t>(bytes.size()));
}

} // namespace

BOOST_AUTO_TEST_CASE(bytes_that_came_while_nobody_read_are_found_by_the_next_read)
{
    turned_loop run;
    for (auto opened : {&turned_loop::open_tcp, &turned_loop::open_unix}) {
        auto [c, peer, number] = (run.*opened)();
        send(peer, "before");
        run.catch_up();
        BOOST_TEST(run.result_of(c.read_some()) == "before");
        send(peer, "after");
        run.catch_up();
        BOOST_TEST(run.result_of(c.read_some()) == "after");
    }
}

BOOST_AUTO_TEST_CASE(an_end_that_came_with_the_last_bytes_is_found_by_the_read_after_them)
{
    turned_loop run;
    for (auto opened : {&turned_loop::open_tcp, &turned_loop::open_unix}) {
        auto [c, peer, number] = (run.*opened)();
        send(peer, "last");
        ::shutdown(peer.get(), SHUT_WR);
        run.catch_up();
        BOOST_TEST(run.result_of(c.read_some()) == "last");
        BOOST_TEST(run.result_of(c.read_some()) == "(end)");
    }
}

BOOST_AUTO_TEST_CASE(an_urgent_byte_hides_none_of_those_behind_it)
{
    turned_loop run;
    auto [c, peer, number] = run.open_tcp();
    send(peer, "abc");
    send(peer, "!", MSG_OOB);
    send(peer, "def");
    run.catch_up();
    BOOST_TEST(run.result_of(c.read_exactly(6)) == "abcdef");
    const auto next = run.start(c.read_exactly(3));
    send(peer, "?", MSG_OOB);
    send(peer, "ghi");
    run.turn_until([&] { return next->has_value(); });
    BOOST_TEST(**next == "ghi");
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_passed_to_a_unix_socket_hides_no_bytes_behind_it)
{
    turned_loop run;
    auto [c, peer, number] = run.open_unix();
    send_with_descriptor(peer, "ab");
    send_with_descriptor(peer, "cd");
    send(peer, "ef");
    run.catch_up();
    BOOST_TEST(run.result_of(c.read_exactly(6)) == "abcdef");
}

BOOST_AUTO_TEST_CASE(more_sockets_than_are_asked_for_at_once_are_all_read_in_order_of_their_bytes)
{
    constexpr std::size_t sockets = 200;
    turned_loop run;
    std::list<turned_loop::opened> all;
    std::list<turned_loop::result> results;
    for (std::size_t i = 0; i != sockets; ++i) {
        all.push_back(run.open_unix());
        results.push_back(run.start(all.back().c.read_some()));
    }
    run.on().poll();
    for (auto& each : all)
        send(each.peer, "x");
    std::size_t done = 0;
    run.turn_until([&] {
        done =
            static_cast<std::size_t>(std::count_if(results.begin(), results.end(), [](auto& r) { return *r == "x"; }));
        return done == sockets;
    });
}

BOOST_AUTO_TEST_CASE(an_exception_that_escapes_leaves_what_was_announced_with_it_its_turn)
{
    struct throws : poller::entry {
        unsigned told = 0;
        unsigned was_due = 0;
        void ready(std::uint32_t) override
        {
            ++told;
            throw std::runtime_error{"escapes"};
        }
        void due() override
        {
            ++was_due;
            throw std::runtime_error{"escapes"};
        }
    };
    turned_loop run;
    poller& sockets = run.on().sockets();
    std::array<throws, 5> entries;
    std::list<std::pair<descriptor, descriptor>> ends;
    for (throws& each : entries) {
        ends.push_back(unix_pair());
        BOOST_TEST(!sockets.add(ends.back().first.get()));
        sockets.attach(ends.back().first.get(), each);
        send(ends.back().second, "x");
        sockets.call_later(each);
    }
    unsigned escaped = 0;
    const auto told = [&](unsigned throws::*count) {
        return std::all_of(entries.begin(), entries.end(), [&](const throws& e) { return e.*count == 1; });
    };
    run.turn_until([&] { return told(&throws::told) && told(&throws::was_due); },
                   [&](const std::runtime_error&) { ++escaped; });
    BOOST_TEST(escaped == 10u);
}

// As a child of fork() holds it: the kernel goes on announcing what comes for the socket that was closed.
BOOST_AUTO_TEST_CASE(a_closed_socket_that_somebody_else_holds_open_disturbs_neither_nobody_nor_its_successor)
{
    turned_loop run;
    auto [c, peer, number] = run.open_tcp();
    const descriptor copy{::dup(number)};
    c.reset();
    static_cast<void>(connection{std::move(c)}); // and nothing of it is left
    send(peer, "for nobody");
    run.catch_up();
    auto ends = tcp_pair();
    BOOST_REQUIRE_EQUAL(::dup3(ends.first.get(), number, O_CLOEXEC), number);
    ends.first = descriptor{number};
    auto [next, next_peer, next_number] = run.open(std::move(ends), polled_socket::family::ip);
    const auto r = run.start(next.read_some());
    send(peer, "for nobody");
    run.catch_up();
    BOOST_TEST(!r->has_value());
    send(next_peer, "hello");
    run.turn_until([&] { return r->has_value(); });
    BOOST_TEST(**r == "hello");
}

BOOST_AUTO_TEST_CASE(a_wait_for_room_ends_when_the_peer_reads_and_when_the_connection_is_reset)
{
    turned_loop run;
    for (const bool peer_reads : {true, false}) {
        auto [c, peer, number] = run.open_tcp();
        const std::string much(16 * 1024 * 1024, 'x');
        bool done = false;
        bool failed = false;
        boost::asio::co_spawn(run.on().executor(), c.write(much), [&](const std::exception_ptr& thrown) {
            done = true;
            failed = thrown != nullptr;
        });
        run.catch_up();
        BOOST_TEST(!done);
        if (!peer_reads)
            c.reset();
        run.turn_until([&] {
            std::string some(256 * 1024, '\0');
            if (peer_reads)
                BOOST_REQUIRE_GE(::recv(peer.get(), some.data(), some.size(), MSG_DONTWAIT), -1);
            return done;
        });
        BOOST_TEST(failed == !peer_reads);
    }
}
