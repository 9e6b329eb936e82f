// SPDX-License-Identifier: BSL-1.0

// Datagrams over loopback: a plain socket to hold ours against, and a scenario that waits for what the kernel carries.
#ifndef HAWSER_TEST_DATAGRAMS_HPP
#define HAWSER_TEST_DATAGRAMS_HPP

#include "kit_namespace.hpp"
#include "scenario.hpp"

#include <hawser/datagram.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace hawser::test {

/// Runs until something has happened, which the kernel may take a moment for, and not until the clock has moved.
template <class Condition>
void until(scenario& run, Condition happened)
{
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!happened()) {
        BOOST_REQUIRE(std::chrono::steady_clock::now() < give_up);
        run.poll();
    }
}

/// A UDP socket that is none of ours, at a port of its own.
class plain_socket
{
public:
    explicit plain_socket(const char* address = "127.0.0.1")
    {
        const bool v6 = std::string_view{address}.find(':') != std::string_view::npos;
        fd_ = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const auto [at, size] = socket_address(address, 0);
        BOOST_REQUIRE_EQUAL(::bind(fd_, reinterpret_cast<const sockaddr*>(&at), size), 0);
    }
    plain_socket(const plain_socket&) = delete;
    plain_socket& operator=(const plain_socket&) = delete;
    ~plain_socket() { ::close(fd_); }

    endpoint where() const
    {
        sockaddr_storage at{};
        socklen_t size = sizeof at;
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
        return shown(at);
    }
    void connect(const endpoint& to) const
    {
        const auto [at, size] = socket_address(to.host().c_str(), to.port());
        BOOST_REQUIRE_EQUAL(::connect(fd_, reinterpret_cast<const sockaddr*>(&at), size), 0);
    }
    void send(const endpoint& to, bytes_view bytes) const
    {
        const auto [at, size] = socket_address(to.host().c_str(), to.port());
        BOOST_REQUIRE_EQUAL(::sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&at), size),
                            static_cast<ssize_t>(bytes.size()));
    }

    /// The next datagram, if one has come, and who sent it.
    std::optional<std::pair<std::string, endpoint>> receive() const
    {
        std::string room(65'536, '\0');
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const ssize_t n = ::recvfrom(fd_, room.data(), room.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (n < 0)
            return std::nullopt;
        room.resize(static_cast<std::size_t>(n));
        return std::pair{room, shown(from)};
    }
    /// The next datagram, once it has come.
    std::string receive(scenario& run) const
    {
        std::optional<std::pair<std::string, endpoint>> got;
        until(run, [&] { return (got = receive()).has_value(); });
        return got->first;
    }

private:
    static std::pair<sockaddr_storage, socklen_t> socket_address(const char* host, std::uint16_t port)
    {
        sockaddr_storage room{};
        auto& v4 = reinterpret_cast<sockaddr_in&>(room);
        auto& v6 = reinterpret_cast<sockaddr_in6&>(room);
        if (::inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
            v4.sin_family = AF_INET;
            v4.sin_port = htons(port);
            return {room, sizeof v4};
        }
        BOOST_REQUIRE_EQUAL(::inet_pton(AF_INET6, host, &v6.sin6_addr), 1);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        return {room, sizeof v6};
    }
    static endpoint shown(const sockaddr_storage& from)
    {
        char text[INET6_ADDRSTRLEN] = "";
        if (from.ss_family == AF_INET) {
            const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
            ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
            return endpoint::udp(text, ntohs(v4.sin_port));
        }
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
        ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
        return endpoint::udp(text, ntohs(v6.sin6_port));
    }

    int fd_ = -1;
};

} // namespace hawser::test

#endif
