// SPDX-License-Identifier: BSL-1.0

// The heap in steady state: frames are read and written without it.
//
// malloc and its relatives are replaced in this program; what counts is calls on the server's loops. The client is
// another process.
#define BOOST_TEST_MODULE allocation
#include <hawser/server.hpp>

#include "heap_count.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

using namespace hawser::test::heap;

namespace {

constexpr std::uint64_t warm_up = 1'000;
constexpr std::uint64_t measured = 100'000;
constexpr unsigned connections = 64;
constexpr std::uint32_t largest = 64 * 1024;

std::atomic<std::uint64_t> frames_served{0};

void count_frame()
{
    on_a_loop = true;
    const std::uint64_t n = frames_served.fetch_add(1) + 1;
    if (n == warm_up)
        counting = true;
    else if (n == warm_up + measured)
        counting = false;
}

hawser::awaitable<void> echo(hawser::connection& peer)
{
    while (auto frame = co_await peer.read_frame()) {
        count_frame();
        co_await peer.write_frame(*frame);
    }
}

hawser::awaitable<void> echo_batches(hawser::connection& peer)
{
    while (auto batch = co_await peer.read_frames()) {
        for (std::size_t i = 0; i < batch->size(); ++i)
            count_frame();
        co_await peer.write_frames(*batch);
    }
}

bool send_all(int to, const char* at, std::size_t size)
{
    while (size > 0) {
        const ssize_t n = ::send(to, at, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}

bool receive_all(int from, char* at, std::size_t size)
{
    return ::recv(from, at, size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

// The client: a frame to each connection, then the answer of each, until there have been enough. Its exit status.
int ask(std::uint16_t port)
{
    std::array<int, connections> peers{};
    for (int& peer : peers) {
        peer = ::socket(AF_INET, SOCK_STREAM, 0);
        const int room = 1 << 20;
        ::setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        const int on = 1;
        ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(peer, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
            return 2;
    }
    std::mt19937 random{7};
    std::vector<char> frame(4 + largest);
    std::vector<char> answer(4 + largest);
    std::array<std::uint32_t, connections> sizes{};
    for (std::uint64_t sent = 0; sent < warm_up + measured + connections; sent += connections) {
        for (unsigned i = 0; i < connections; ++i) {
            // Every size up to the largest, small ones more often; the first frames include the largest.
            const auto bits = static_cast<unsigned>(random() % 18);
            sizes[i] = bits == 17 ? largest : static_cast<std::uint32_t>(random() % (std::size_t{1} << bits));
            if (sent < 2 * connections)
                sizes[i] = largest;
            const std::uint32_t head = htonl(sizes[i]);
            std::memcpy(frame.data(), &head, 4);
            std::memset(frame.data() + 4, static_cast<int>('a' + i % 26), sizes[i]);
            if (!send_all(peers[i], frame.data(), 4 + sizes[i]))
                return 3;
        }
        for (unsigned i = 0; i < connections; ++i) {
            if (!receive_all(peers[i], answer.data(), 4 + sizes[i]))
                return 4;
            const std::uint32_t head = htonl(sizes[i]);
            if (std::memcmp(answer.data(), &head, 4) != 0)
                return 5;
            for (std::uint32_t at = 4; at < 4 + sizes[i]; ++at)
                if (answer[at] != static_cast<char>('a' + i % 26))
                    return 6;
        }
    }
    return 0;
}

void no_allocation_with(const hawser::session_handler& handler)
{
    frames_served = 0;
    calls = 0;
    std::array<int, 2> channel{};
    BOOST_TEST_REQUIRE(::pipe(channel.data()) == 0);
    const pid_t client = ::fork();
    if (client == 0) {
        std::uint16_t port = 0;
        ::_exit(::read(channel[0], &port, sizeof port) == sizeof port ? ask(port) : 1);
    }
    {
        hawser::runtime_options options;
        options.loops = 2;
        hawser::runtime runtime{options};
        hawser::server server{runtime};
        server.listen(hawser::endpoint{"tcp://127.0.0.1:0"}, handler);
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
    BOOST_TEST(frames_served >= warm_up + measured);
    BOOST_TEST(!counting);
    BOOST_TEST_CONTEXT("sizes of the first: " << first_sizes[0] << ' ' << first_sizes[1] << ' ' << first_sizes[2] << ' '
                                              << first_sizes[3] << ' ' << first_sizes[4] << ' ' << first_sizes[5])
    BOOST_TEST(calls == 0U);
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_counted_is_counted)
{
    on_a_loop = true;
    counting = true;
    calls = 0;
    std::free(std::malloc(10));
    delete new int{1};
    std::free(std::calloc(2, 3));
    std::free(std::realloc(std::malloc(1), 100));
    std::free(std::aligned_alloc(64, 128));
    counting = false;
    on_a_loop = false;
    BOOST_TEST(calls >= 5U);
    std::free(std::malloc(10));
    BOOST_TEST(calls <= 6U);
}

BOOST_AUTO_TEST_CASE(frames_need_no_heap)
{
    no_allocation_with(echo);
}

BOOST_AUTO_TEST_CASE(batches_of_frames_need_no_heap)
{
    no_allocation_with(echo_batches);
}
