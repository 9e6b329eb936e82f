// SPDX-License-Identifier: BSL-1.0

// A read that finds nothing where there is something: the kernel, which has announced it once, does not announce it
// again. The wheel's next look finds it, and a connection that really waits is not woken for ever.
#include <hawser/connect.hpp>

#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE false_alarms
#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace hawser;
using namespace hawser::test;

namespace {

constexpr std::size_t first_reads = 24; // of a session, each of which fails once
constexpr duration within = 1s;         // of the scenario's own time

// The library's reads, which alone say MSG_DONTWAIT.
struct {
    std::size_t seen = 0;
    std::size_t fails = 0; // which one, counted from 1; 0: none
} reads;

// Some that fill the first buffer exactly, and some that take several reads.
const std::size_t sizes[] = {1, 4092, 100, 20'000, 1, 4092, 40'000, 1, 1, 1};

awaitable<std::string> ask(endpoint where)
{
    const connect_options trusting{.tls = {.ca = root().certificate()}};
    connection c = co_await hawser::connect(where, trusting);
    co_await c.write("hello");
    const auto answer = co_await c.read_exactly(5);
    co_return std::string{answer.value()};
}

// Lets it run until `holds`, and passes the time in which a failed read has to be found.
class patience
{
public:
    explicit patience(scenario& run) : run_{run} {}
    bool until(const std::function<bool()>& holds)
    {
        return hawser::test::until(run_, [&] {
            if (holds())
                return true;
            if (reads.fails != 0 && reads.seen >= reads.fails && !std::exchange(passed_, true))
                run_.steps(within, 10ms);
            return false;
        });
    }

private:
    scenario& run_;
    bool passed_ = false;
};

// Frames that are sent come back, whichever read fails.
void converse(scenario& run, const std::function<void(bytes_view)>& send, const std::function<std::string()>& receive)
{
    patience p{run};
    for (const std::size_t size : sizes) {
        const std::string text(size, 'x');
        send(text);
        std::string got;
        BOOST_TEST_REQUIRE(p.until([&] {
            got += receive();
            return got.size() >= size;
        }));
        BOOST_CHECK(got == text);
    }
}

void shake(scenario& run, tls_peer& p)
{
    BOOST_TEST_REQUIRE(patience{run}.until([&] { return SSL_do_handshake(p.ssl()) == 1; }));
}

class plain_scenario : public scenario
{
public:
    plain_scenario() : server_{runtime(), {.observer = std::make_shared<recorder>()}}
    {
        server_.listen("tcp://127.0.0.1:0", echo);
        poll();
    }
    ~plain_scenario() { end_runtime(); }
    std::uint16_t port() const { return server_.endpoints().front().port(); }

private:
    hawser::server server_;
};

// One end of a pair of Unix sockets, whose other one is a connection.
class unix_peer
{
public:
    explicit unix_peer(scenario& run) : run_{run}
    {
        int both[2] = {-1, -1};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, both) == 0);
        mine_ = detail::descriptor{both[0]};
        error_code e;
        detail::any_stream stream{std::in_place_type<detail::socket_stream>, run.loop().sockets(),
                                  detail::descriptor{both[1]}, detail::polled_socket::family::unix_path, e};
        BOOST_REQUIRE(!e);
        connection_.emplace(detail::core_access::make(new detail::connection_core{
            run.loop(), std::move(stream), std::make_shared<const detail::settings>(), {}}));
        run.start(echo(*connection_));
    }
    void send(bytes_view bytes)
    {
        BOOST_REQUIRE(::send(mine_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                      static_cast<ssize_t>(bytes.size()));
    }
    std::string received()
    {
        run_.poll();
        std::string all(65536, '\0');
        const ssize_t n = ::recv(mine_.get(), all.data(), all.size(), 0);
        return all.substr(0, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    }

private:
    scenario& run_;
    detail::descriptor mine_;
    std::optional<connection> connection_;
};

} // namespace

extern "C" ssize_t recv(int descriptor, void* into, std::size_t size, int flags)
{
    if ((flags & MSG_DONTWAIT) != 0 && ++reads.seen == reads.fails) {
        errno = EAGAIN;
        return -1;
    }
    return ::recvfrom(descriptor, into, size, flags, nullptr, nullptr);
}

BOOST_AUTO_TEST_CASE(whichever_read_of_a_session_finds_nothing_once_its_peer_is_answered)
{
    for (std::size_t nth = 1; nth <= first_reads; ++nth) {
        BOOST_TEST_CONTEXT("TCP, read " << nth)
        {
            plain_scenario run;
            reads = {.fails = nth};
            plain_peer p{run, run.port()};
            converse(
                run, [&](bytes_view bytes) { p.send(bytes); }, [&] { return p.received(); });
        }
        BOOST_TEST_CONTEXT("a Unix socket, read " << nth)
        {
            scenario run;
            reads = {.fails = nth};
            unix_peer p{run};
            converse(
                run, [&](bytes_view bytes) { p.send(bytes); }, [&] { return p.received(); });
        }
    }
}

BOOST_AUTO_TEST_CASE(whichever_read_of_a_session_over_tls_finds_nothing_once_its_peer_is_answered)
{
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
        for (std::size_t nth = 1; nth <= first_reads; ++nth) {
            BOOST_TEST_CONTEXT("version " << version << ", read " << nth)
            {
                tls_scenario run{echo, good()};
                reads = {.fails = nth};
                tls_peer p{run, run.port(), {.version = version}};
                shake(run, p);
                converse(
                    run, [&](bytes_view bytes) { p.write(bytes); }, [&] { return p.read(); });
            }
        }
}

BOOST_AUTO_TEST_CASE(whichever_read_of_a_clients_session_over_tls_finds_nothing_once_it_gets_its_answer)
{
    for (std::size_t nth = 1; nth <= 8; ++nth) {
        BOOST_TEST_CONTEXT("read " << nth)
        {
            tls_scenario run{echo, good()};
            reads = {.fails = nth};
            auto client = run.start(ask(endpoint::tls("127.0.0.1", run.port())));
            BOOST_TEST_REQUIRE(patience{run}.until([&] { return client.done(); }));
            BOOST_TEST(client.outcome() == "done");
            BOOST_TEST(client.value() == "hello");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_connection_that_really_waits_is_read_from_once_more_at_most)
{
    scenario run;
    reads = {};
    unix_peer p{run};
    p.send("hello");
    std::string got;
    BOOST_TEST_REQUIRE(until(run, [&] { return (got += p.received()).size() == 5; }));
    const std::size_t before = reads.seen;
    run.steps(60s, 100ms);
    BOOST_TEST(reads.seen == before + 1); // a read of a Unix socket that finds nothing is as it should be

    plain_scenario other;
    plain_peer tcp{other, other.port()};
    tcp.send("hello");
    BOOST_TEST_REQUIRE(until(other, [&] { return tcp.has_input(); }));
    const std::size_t then = reads.seen;
    other.steps(60s, 100ms);
    BOOST_TEST(reads.seen == then); // it has found less than it had room for
}
