// SPDX-License-Identifier: BSL-1.0

// The heap in steady state: requests are read and answered without it, pipelined or one by one, with a body or without.
//
// malloc and its relatives are replaced in this program; what counts is calls on the server's loops. The client is
// another process.
#define BOOST_TEST_MODULE http_allocation
#include <hawser/http/server.hpp>
#include <hawser/server.hpp>

#include "heap_count.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

using namespace hawser::test::heap;
using hawser::http::request;
using hawser::http::response;

namespace {

constexpr std::uint64_t warm_up = 2'000;
constexpr std::uint64_t measured = 50'000;
constexpr unsigned connections = 16;

std::atomic<std::uint64_t> served{0};

void count_request()
{
    on_a_loop = true;
    const std::uint64_t n = served.fetch_add(1) + 1;
    if (n == warm_up)
        counting = true;
    else if (n == warm_up + measured)
        counting = false;
}

hawser::awaitable<void> hello(request&, response& r)
{
    count_request();
    r.set("Content-Type", "text/plain");
    co_await r.send("Hello, World!");
}

hawser::awaitable<void> echo(request& q, response& r)
{
    count_request();
    const hawser::bytes_view body = co_await q.read_all();
    co_await r.send(body);
}

hawser::awaitable<void> pieces(request&, response& r)
{
    count_request();
    co_await r.write("Hello, ");
    co_await r.write("World!");
}

// The client: so many requests at once on each connection, then their answers, until there have been enough. Its
// status.
int ask(std::uint16_t port, const std::string& text, unsigned pipelined, std::size_t answer_size)
{
    std::string batch;
    for (unsigned i = 0; i < pipelined; ++i)
        batch += text;
    std::string answers(pipelined * answer_size, '\0');
    std::array<int, connections> peers{};
    for (int& peer : peers) {
        peer = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(peer, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
            return 2;
    }
    for (std::uint64_t sent = 0; sent < warm_up + measured; sent += connections * pipelined) {
        for (const int peer : peers)
            if (::send(peer, batch.data(), batch.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(batch.size()))
                return 3;
        for (const int peer : peers) {
            if (::recv(peer, answers.data(), answers.size(), MSG_WAITALL) != static_cast<ssize_t>(answers.size()))
                return 4;
            if (!answers.starts_with("HTTP/1.1 200 OK\r\n") ||
                answers.compare(0, 17, answers, answers.size() - answer_size, 17) != 0)
                return 5;
        }
    }
    return 0;
}

void no_allocation(hawser::http::handler handler, const std::string& text, const std::string& undated_answer)
{
    const std::size_t answer_size =
        undated_answer.size() + std::string{"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"}.size();
    for (const unsigned pipelined : {1u, 16u}) {
        served = 0;
        calls = 0;
        std::array<int, 2> channel{};
        BOOST_TEST_REQUIRE(::pipe(channel.data()) == 0);
        const pid_t client = ::fork();
        if (client == 0) {
            std::uint16_t port = 0;
            const bool told = ::read(channel[0], &port, sizeof port) == sizeof port;
            ::_exit(told ? ask(port, text, pipelined, answer_size) : 1);
        }
        {
            hawser::runtime runtime{{.loops = 1}};
            hawser::server server{runtime};
            server.listen("tcp://127.0.0.1:0", hawser::http::serve(handler));
            runtime.start();
            const std::uint16_t port = server.endpoints().front().port();
            BOOST_TEST_REQUIRE(::write(channel[1], &port, sizeof port) == static_cast<ssize_t>(sizeof port));
            int status = -1;
            BOOST_TEST_REQUIRE(::waitpid(client, &status, 0) == client);
            BOOST_TEST(status == 0);
            server.drain();
            BOOST_TEST(server.wait().clean());
        }
        ::close(channel[0]);
        ::close(channel[1]);
        BOOST_TEST(served >= warm_up + measured);
        BOOST_TEST(!counting);
        BOOST_TEST_CONTEXT(pipelined << " at once; sizes of the first: " << first_sizes[0] << ' ' << first_sizes[1]
                                     << ' ' << first_sizes[2] << ' ' << first_sizes[3])
        BOOST_TEST(calls == 0U);
    }
}

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a test of the heap\r\nAccept: */*\r\n\r\n";

} // namespace

BOOST_AUTO_TEST_CASE(requests_and_whole_responses_need_no_heap)
{
    no_allocation(hello, get, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!");
}

BOOST_AUTO_TEST_CASE(bodies_need_no_heap)
{
    no_allocation(echo, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
                  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
}

BOOST_AUTO_TEST_CASE(chunked_bodies_need_no_heap)
{
    no_allocation(echo, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                  "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
}

BOOST_AUTO_TEST_CASE(responses_in_pieces_need_no_heap)
{
    no_allocation(pieces, get,
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nHello, \r\n6\r\nWorld!\r\n0\r\n\r\n");
}
