// SPDX-License-Identifier: BSL-1.0

// The datagram socket over real UDP on loopback: what is sent arrives as it was, and each thing that can go wrong.
#define BOOST_TEST_MODULE datagram
#include <hawser/datagram.hpp>

#include "datagrams.hpp"

#include <hawser/acceptor.hpp>
#include <hawser/connect.hpp>

#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include <dlfcn.h>

#include <atomic>
#include <cerrno>
#include <stdexcept>

namespace {

// What the kernel answers next instead of sending or receiving, so many times.
struct refusal {
    std::atomic<int> error{0};
    std::atomic<int> times{0};
    bool strikes() noexcept
    {
        if (times == 0)
            return false;
        --times;
        errno = error;
        return true;
    }
    void begin(int with, int count) noexcept
    {
        error = with;
        times = count;
    }
};
refusal sending;
refusal receiving;

} // namespace

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags)
{
    static const auto next = reinterpret_cast<ssize_t (*)(int, const msghdr*, int)>(::dlsym(RTLD_NEXT, "sendmsg"));
    return sending.strikes() ? -1 : next(fd, message, flags);
}

extern "C" ssize_t recvmsg(int fd, msghdr* message, int flags)
{
    static const auto next = reinterpret_cast<ssize_t (*)(int, msghdr*, int)>(::dlsym(RTLD_NEXT, "recvmsg"));
    return receiving.strikes() ? -1 : next(fd, message, flags);
}

namespace {

using namespace hawser;
using namespace hawser::test;

/// A datagram that a test waits for.
struct reception {
    std::string room;
    datagram got;
    std::optional<task<void>> done;

    explicit reception(std::size_t size = 65'536) : room(size, '\0') {}
    std::string outcome() const { return done->outcome(); }
};

awaitable<void> receive_into(datagram_socket& from, reception& r, duration deadline)
{
    r.got = co_await from.receive_from(r.room, deadline);
}

awaitable<void> receive_connected(datagram_socket& from, reception& r)
{
    r.got = co_await from.receive(r.room);
}

void begin(scenario& run, datagram_socket& from, reception& r, duration deadline = never)
{
    r.done = run.start(receive_into(from, r, deadline));
}

void finish(scenario& run, const reception& r)
{
    until(run, [&] { return r.done->done(); });
}

datagram receive(scenario& run, datagram_socket& from, reception& r)
{
    begin(run, from, r);
    finish(run, r);
    r.done->rethrow();
    return r.got;
}

std::string address_refusal(const char* text)
{
    try {
        return datagram_address{endpoint{text}}.to_endpoint().to_string();
    } catch (const endpoint_error& e) {
        return e.what();
    }
}

// A port of 127.0.0.1 that is closed for everybody: whoever holds it is connected to somebody who never sends.
struct closed_port : plain_socket {
    closed_port() { connect("udp://127.0.0.1:9"); }
};

} // namespace

BOOST_AUTO_TEST_CASE(datagrams_arrive_as_they_were_sent)
{
    for (const char* where : {"udp://127.0.0.1:0", "udp://[::1]:0"}) {
        BOOST_TEST_CONTEXT(where)
        {
            scenario run;
            datagram_socket a{run.runtime()};
            datagram_socket b{run.runtime()};
            a.bind(where);
            b.bind(where);
            const datagram_address to{b.local_endpoint()};
            for (const std::size_t size : {0U, 1U, 512U, 1472U, 1473U, 65'507U}) {
                std::string sent;
                for (std::size_t i = 0; i < size; ++i)
                    sent += static_cast<char>(i * 7);
                const auto sending = run.start(a.send_to(sent, to));
                BOOST_TEST(sending.outcome() == "done");
                reception r;
                const datagram got = receive(run, b, r);
                BOOST_TEST((got.payload == sent));
                BOOST_TEST(got.size == size);
                BOOST_TEST(!got.truncated());
                BOOST_TEST(got.sender.to_endpoint().to_string() == a.local_endpoint().to_string());
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(each_receive_gets_one_datagram_and_an_empty_one_is_one)
{
    scenario run;
    const plain_socket peer;
    datagram_socket s{run.runtime()};
    s.bind("udp://127.0.0.1:0");
    for (const char* text : {"one", "", "three"})
        peer.send(s.local_endpoint(), text);
    reception r;
    BOOST_TEST(receive(run, s, r).payload == "one");
    BOOST_TEST(receive(run, s, r).payload == "");
    BOOST_TEST(r.got.sender.to_endpoint().to_string() == peer.where().to_string());
    BOOST_TEST(receive(run, s, r).payload == "three");
}

BOOST_AUTO_TEST_CASE(a_datagram_longer_than_the_buffer_is_cut_and_says_so)
{
    scenario run;
    const plain_socket peer;
    datagram_socket s{run.runtime()};
    s.bind("udp://127.0.0.1:0");
    peer.send(s.local_endpoint(), "12345678");
    peer.send(s.local_endpoint(), "123456789");
    peer.send(s.local_endpoint(), "next");
    reception r{8};
    receive(run, s, r);
    BOOST_TEST(r.got.payload == "12345678");
    BOOST_TEST(!r.got.truncated());
    receive(run, s, r);
    BOOST_TEST(r.got.payload == "12345678");
    BOOST_TEST(r.got.size == 9u);
    BOOST_TEST(r.got.truncated());
    BOOST_TEST(receive(run, s, r).payload == "next");
}

BOOST_AUTO_TEST_CASE(a_buffer_without_room_takes_empty_datagrams_whole)
{
    scenario run;
    const plain_socket peer;
    datagram_socket s{run.runtime()};
    s.bind("udp://127.0.0.1:0");
    peer.send(s.local_endpoint(), "");
    peer.send(s.local_endpoint(), "x");
    reception r{0};
    BOOST_TEST(!receive(run, s, r).truncated());
    BOOST_TEST(receive(run, s, r).truncated());
}

BOOST_AUTO_TEST_CASE(more_than_a_datagram_can_hold_is_refused_by_the_kernel)
{
    scenario run;
    const plain_socket peer;
    datagram_socket s{run.runtime()};
    const std::string longest(65'507, 'x');
    const datagram_address to{peer.where()};
    BOOST_TEST(run.start(s.send_to(longest, to)).outcome() == "done");
    BOOST_TEST(peer.receive(run).size() == 65'507u);
    const std::string longer = longest + 'x';
    BOOST_TEST(run.start(s.send_to(longer, to)).outcome() == "EMSGSIZE");
}

BOOST_AUTO_TEST_CASE(receiving_gives_up_at_its_deadline_and_can_be_called_again)
{
    scenario run;
    const plain_socket peer;
    datagram_socket s{run.runtime()};
    s.bind("udp://127.0.0.1:0");
    reception r;
    begin(run, s, r, 2s);
    run.advance(1999ms);
    BOOST_TEST(r.outcome() == "suspended");
    run.advance(10ms);
    BOOST_TEST(r.outcome() == "receive_timeout");

    begin(run, s, r, 2s);
    run.advance(1s);
    peer.send(s.local_endpoint(), "in time");
    finish(run, r);
    BOOST_TEST(r.outcome() == "done");
    BOOST_TEST(r.got.payload == "in time");
    run.advance(10s); // the deadline has gone with its operation
    begin(run, s, r);
    BOOST_TEST(r.outcome() == "suspended");
}

BOOST_AUTO_TEST_CASE(without_a_deadline_it_waits)
{
    scenario run;
    const plain_socket peer;
    datagram_socket s{run.runtime()};
    s.bind("udp://127.0.0.1:0");
    reception r;
    begin(run, s, r);
    run.advance(std::chrono::hours{1000});
    BOOST_TEST(r.outcome() == "suspended");
    peer.send(s.local_endpoint(), "late");
    finish(run, r);
    BOOST_TEST(r.got.payload == "late");
}

BOOST_AUTO_TEST_CASE(cancelling_a_receive_loses_nothing)
{
    scenario run;
    const plain_socket peer;
    datagram_socket s{run.runtime()};
    s.bind("udp://127.0.0.1:0");
    reception r;
    begin(run, s, r, 5s);
    r.done->cancel();
    BOOST_TEST(r.outcome() == "ECANCELED");
    peer.send(s.local_endpoint(), "kept");
    BOOST_TEST(receive(run, s, r).payload == "kept");
}

namespace {

awaitable<void> receive_tolerantly(datagram_socket& from, reception& r)
{
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    r.got = co_await from.receive_from(r.room, never);
}

} // namespace

BOOST_AUTO_TEST_CASE(cancellation_ends_a_receive_also_where_it_is_not_to_be_thrown_at_each_step)
{
    scenario run;
    datagram_socket s{run.runtime()};
    s.bind("udp://127.0.0.1:0");
    reception r;
    r.done = run.start(receive_tolerantly(s, r));
    BOOST_TEST(r.outcome() == "suspended");
    r.done->cancel();
    BOOST_TEST(r.outcome() == "ECANCELED");
}

BOOST_AUTO_TEST_CASE(closing_or_destroying_a_socket_ends_what_waits)
{
    scenario run;
    reception r;
    {
        datagram_socket s{run.runtime()};
        s.bind("udp://127.0.0.1:0");
        begin(run, s, r, 5s);
        s.close();
        run.poll();
        BOOST_TEST(r.outcome() == "ECANCELED");
        BOOST_TEST(s.local_endpoint().to_string() == "udp://:0");
        s.bind("udp://127.0.0.1:0");
        begin(run, s, r, 5s);
    }
    run.poll();
    BOOST_TEST(r.outcome() == "ECANCELED");
    run.advance(10s);
}

BOOST_AUTO_TEST_CASE(a_socket_can_be_moved)
{
    scenario run;
    const plain_socket peer;
    datagram_socket a{run.runtime()};
    a.bind("udp://127.0.0.1:0");
    const endpoint where = a.local_endpoint();
    datagram_socket b{std::move(a)};
    datagram_socket c{run.runtime()};
    c = std::move(b);
    BOOST_TEST((c.local_endpoint() == where));
    peer.send(where, "moved");
    reception r;
    BOOST_TEST(receive(run, c, r).payload == "moved");
}

BOOST_AUTO_TEST_CASE(a_kernel_without_room_is_waited_for)
{
    scenario run;
    const plain_socket peer;
    datagram_socket s{run.runtime()};
    s.bind("udp://127.0.0.1:0");
    for (const int error : {EAGAIN, EINTR}) {
        sending.begin(error, 3);
        const auto sent = run.start(s.send_to("patience", datagram_address{peer.where()}, 5s));
        BOOST_TEST(peer.receive(run) == "patience");
        BOOST_TEST(sent.outcome() == "done");
        BOOST_TEST(sending.times == 0);

        peer.send(s.local_endpoint(), "back");
        receiving.begin(error, 3);
        reception r;
        BOOST_TEST(receive(run, s, r).payload == "back");
        BOOST_TEST(receiving.times == 0);
    }
}

BOOST_AUTO_TEST_CASE(any_other_error_is_the_kernels_own)
{
    scenario run;
    const plain_socket peer;
    datagram_socket s{run.runtime()};
    s.bind("udp://127.0.0.1:0");
    sending.begin(EPERM, 1);
    BOOST_TEST(run.start(s.send_to("x", datagram_address{peer.where()})).outcome() == "EPERM");
    receiving.begin(ENOMEM, 1);
    reception r;
    begin(run, s, r);
    BOOST_TEST(r.outcome() == "ENOMEM");
}

BOOST_AUTO_TEST_CASE(a_port_that_nobody_has_comes_back_as_an_error_of_a_connected_socket)
{
    scenario run;
    datagram_socket s{run.runtime()};
    const closed_port nobody;
    s.connect(datagram_address{nobody.where()});
    BOOST_TEST(run.start(s.send("anyone?")).outcome() == "done");
    reception r;
    begin(run, s, r, 5s);
    finish(run, r);
    BOOST_TEST(r.outcome() == "ECONNREFUSED");

    BOOST_TEST(run.start(s.send("again?")).outcome() == "done");
    std::string next;
    until(run, [&] {
        next = run.start(s.send("again?")).outcome();
        return next != "done";
    });
    BOOST_TEST(next == "ECONNREFUSED");
}

BOOST_AUTO_TEST_CASE(a_connected_socket_receives_from_its_peer_alone)
{
    scenario run;
    const plain_socket peer;
    const plain_socket other;
    datagram_socket s{run.runtime()};
    BOOST_TEST(s.local_endpoint().to_string() == "udp://:0");
    BOOST_TEST(!s.peer_endpoint().has_value());
    s.connect(datagram_address{peer.where()});
    BOOST_TEST(s.local_endpoint().host() == "127.0.0.1");
    BOOST_TEST(s.local_endpoint().port() != 0);
    BOOST_TEST(s.peer_endpoint()->to_string() == peer.where().to_string());
    other.send(s.local_endpoint(), "forged");
    peer.send(s.local_endpoint(), "right");
    reception r;
    r.done = run.start(receive_connected(s, r));
    finish(run, r);
    BOOST_TEST(r.got.payload == "right");
    BOOST_TEST(run.start(s.send("")).outcome() == "done");
    BOOST_TEST(peer.receive(run).empty());

    s.connect(datagram_address{other.where()});
    BOOST_TEST(run.start(s.send("to the other")).outcome() == "done");
    BOOST_TEST(other.receive(run) == "to the other");
}

BOOST_AUTO_TEST_CASE(mistakes_are_named)
{
    scenario run;
    const plain_socket peer;
    datagram_socket s{run.runtime()};
    reception r;
    begin(run, s, r);
    BOOST_TEST(r.done->what() == "receive from a datagram socket that is neither bound nor connected");
    s.bind("udp://127.0.0.1:0");
    BOOST_CHECK_THROW(s.bind("udp://127.0.0.1:0"), std::logic_error);
    BOOST_CHECK_THROW((void)s.receive(r.room), std::logic_error);
    BOOST_TEST(run.start(s.send("to whom?")).outcome() == "EDESTADDRREQ");
    begin(run, s, r);
    reception second;
    begin(run, s, second);
    BOOST_TEST(second.done->what() == "two receives from one datagram socket at once");
    peer.send(s.local_endpoint(), "for the first");
    finish(run, r);
    BOOST_TEST(r.got.payload == "for the first");
}

BOOST_AUTO_TEST_CASE(a_send_needs_no_bound_socket)
{
    scenario run;
    const plain_socket peer{"::1"};
    datagram_socket s{run.runtime()};
    BOOST_TEST(run.start(s.send_to("hello", datagram_address{peer.where()})).outcome() == "done");
    BOOST_TEST(peer.receive(run) == "hello");
    BOOST_TEST(s.local_endpoint().port() != 0);
}

BOOST_AUTO_TEST_CASE(ipv4_through_a_dual_stack_socket_is_ipv4)
{
    scenario run;
    const plain_socket v4;
    const plain_socket v6{"::1"};
    datagram_socket s{run.runtime()};
    s.bind("udp://[::]:0", {.dual_stack = true});
    const std::uint16_t port = s.local_endpoint().port();
    reception r;
    v4.send(endpoint::udp("127.0.0.1", port), "4");
    BOOST_TEST(receive(run, s, r).sender.to_endpoint().to_string() == v4.where().to_string());
    BOOST_TEST((r.got.sender == datagram_address{v4.where()}));
    BOOST_TEST(run.start(s.send_to("to 4", r.got.sender)).outcome() == "done");
    BOOST_TEST(v4.receive(run) == "to 4");
    v6.send(endpoint::udp("::1", port), "6");
    BOOST_TEST(receive(run, s, r).sender.to_endpoint().to_string() == v6.where().to_string());
    BOOST_TEST(run.start(s.send_to("to 6", r.got.sender)).outcome() == "done");
    BOOST_TEST(v6.receive(run) == "to 6");
}

BOOST_AUTO_TEST_CASE(ipv6_alone_is_the_rule)
{
    scenario run;
    datagram_socket s{run.runtime()};
    s.bind("udp://[::]:0");
    datagram_socket beside{run.runtime()};
    beside.bind(endpoint::udp("127.83.1.7", s.local_endpoint().port())); // where no other program has that port
    BOOST_TEST(beside.local_endpoint().port() == s.local_endpoint().port());
}

BOOST_AUTO_TEST_CASE(an_address_that_cannot_be_had_is_named)
{
    scenario run;
    const plain_socket taken;
    const auto refusal = [&](const endpoint& where) -> std::string {
        datagram_socket s{run.runtime()};
        try {
            s.bind(where);
        } catch (const endpoint_error& e) {
            return e.what();
        }
        return "bound";
    };
    BOOST_TEST(refusal(taken.where()).starts_with(taken.where().to_string() + ": bind: EADDRINUSE"));
    BOOST_TEST(refusal("udp://192.0.2.1:0").starts_with("udp://192.0.2.1:0: bind: EADDRNOTAVAIL"));
    BOOST_TEST(refusal("tcp://127.0.0.1:0") == "tcp://127.0.0.1:0: expected udp://, for datagrams");
    BOOST_TEST(refusal("udp://:0") == "udp://:0: expected one address, got 2");
}

BOOST_AUTO_TEST_CASE(addresses_are_numeric)
{
    BOOST_TEST(address_refusal("udp://127.0.0.1:17") == "udp://127.0.0.1:17");
    BOOST_TEST(address_refusal("udp://[::1]:17") == "udp://[::1]:17");
    BOOST_TEST(address_refusal("udp://[::ffff:127.0.0.1]:17") == "udp://127.0.0.1:17");
    BOOST_TEST(address_refusal("udp://localhost:17") ==
               R"(udp://localhost:17: expected a numeric address, got "localhost")");
    BOOST_TEST(address_refusal("tcp://127.0.0.1:17") == "tcp://127.0.0.1:17: expected udp://, for datagrams");
    BOOST_TEST(datagram_address{"udp://127.0.0.1:17"}.port() == 17);
    BOOST_TEST(datagram_address{"udp://[::1]:65535"}.port() == 65535);
    BOOST_TEST(datagram_address{}.port() == 0);
    BOOST_TEST(datagram_address{}.to_endpoint().to_string() == "udp://:0");
    BOOST_TEST((datagram_address{} != datagram_address{endpoint{"udp://0.0.0.0:0"}}));
}

BOOST_AUTO_TEST_CASE(streams_are_refused_at_a_datagram_endpoint)
{
    runtime r{{.loops = 1}};
    server s{r};
    const auto handler = [](connection&) -> awaitable<void> { co_return; };
    const auto says = [](const endpoint_error& e) {
        return e.code() == errc::invalid_endpoint &&
               std::string{e.what()}.starts_with("udp://127.0.0.1:0: expected tcp://");
    };
    BOOST_CHECK_EXCEPTION(s.listen("udp://127.0.0.1:0", handler), endpoint_error, says);
    acceptor a{r};
    BOOST_CHECK_EXCEPTION(a.bind("udp://127.0.0.1:0"), endpoint_error, says);
    BOOST_CHECK_EXCEPTION((void)run(r, connect("udp://127.0.0.1:0")), endpoint_error, says);
}

// ---- Names, which are looked up on threads

namespace {

awaitable<std::string> ask_by_name(std::uint16_t port)
{
    datagram_socket s{co_await boost::asio::this_coro::executor};
    co_await s.connect(endpoint::udp("localhost", port));
    co_await s.send("hello");
    co_return s.peer_endpoint()->to_string();
}

template <class T>
awaitable<std::string> failure_of(awaitable<T> operation)
{
    try {
        static_cast<void>(co_await std::move(operation));
    } catch (const system_error& e) {
        co_return symbol(e.code()) + " | " + e.what();
    }
    co_return "nothing";
}

} // namespace

BOOST_AUTO_TEST_CASE(a_name_is_looked_up)
{
    const plain_socket peer;
    scenario clock;
    runtime r{{.loops = 1}};
    BOOST_TEST(run(r, ask_by_name(peer.where().port())).starts_with("udp://"));
    BOOST_TEST(peer.receive(clock) == "hello");
    const std::string none = run(r, failure_of(datagram_addresses("udp://no-such-host.invalid:1")));
    BOOST_TEST(none.starts_with("EAI_"), none);
    BOOST_TEST(none.find("udp://no-such-host.invalid:1: look-up: EAI_") != std::string::npos, none);
    BOOST_TEST(run(r, failure_of(datagram_addresses("tcp://localhost:1"))) ==
               "invalid_endpoint | tcp://localhost:1: expected udp://, for datagrams");
}

BOOST_AUTO_TEST_CASE(a_kernel_without_room_for_too_long_is_given_up)
{
    const plain_socket peer;
    runtime r{{.loops = 1}};
    datagram_socket s{r};
    sending.begin(EAGAIN, 1'000'000'000);
    BOOST_TEST(run(r, failure_of(s.send_to("x", datagram_address{peer.where()}, 20ms))).starts_with("send_timeout"));
    sending.begin(0, 0);
}

BOOST_AUTO_TEST_CASE(an_executor_that_is_no_runtimes_is_refused)
{
    boost::asio::io_context alone;
    BOOST_CHECK_THROW(datagram_socket{boost::asio::any_io_executor{alone.get_executor()}}, std::logic_error);
}
