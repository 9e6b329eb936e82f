// SPDX-License-Identifier: BSL-1.0

// A client on a blocking socket of its own, in the test's thread, for servers that run on theirs.
#ifndef HAWSER_TEST_SOCKET_CLIENT_HPP
#define HAWSER_TEST_SOCKET_CLIENT_HPP

#include "kit_namespace.hpp"

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace hawser::test {

inline constexpr std::chrono::seconds patience{20}; // with what is to come at once

inline std::string frame(const std::string& payload)
{
    const auto n = static_cast<std::uint32_t>(payload.size());
    std::string head(4, '\0');
    for (unsigned i = 0; i < 4; ++i)
        head[i] = static_cast<char>(n >> (24 - 8 * i));
    return head + payload;
}

class socket_client
{
public:
    explicit socket_client(std::uint16_t port, int type = SOCK_STREAM)
    {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connect(reinterpret_cast<const sockaddr&>(to), sizeof to, type);
    }
    explicit socket_client(const std::string& path)
    {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        path.copy(to.sun_path, sizeof to.sun_path - 1);
        connect(reinterpret_cast<const sockaddr&>(to), sizeof to, SOCK_STREAM);
    }
    socket_client(socket_client&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    socket_client& operator=(socket_client&&) = delete;
    ~socket_client()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }

    int fd() const noexcept { return fd_; }

    // A server that has given up may have reset the connection.
    void send(const std::string& bytes) const
    {
        for (std::size_t sent = 0; sent < bytes.size();) {
            const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            BOOST_TEST_REQUIRE((n > 0 || errno != EAGAIN), "the server neither reads nor ends");
            if (n <= 0)
                return;
            sent += static_cast<std::size_t>(n);
        }
    }
    /// False: nothing of it has been taken for 20 ms, or will be; the rest is left.
    bool send_while_taken(std::string& bytes) const
    {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n > 0) {
                bytes.erase(0, static_cast<std::size_t>(n));
                continue;
            }
            pollfd room{.fd = fd_, .events = POLLOUT, .revents = 0};
            if (errno != EAGAIN || ::poll(&room, 1, 20) == 0)
                return false;
        }
        return true;
    }
    /// Fewer at the connection's end.
    std::string receive(std::size_t n) const
    {
        std::string all(n, '\0');
        std::size_t got = 0;
        while (got < n) {
            const ssize_t r = ::recv(fd_, all.data() + got, n - got, 0);
            BOOST_TEST_REQUIRE((r >= 0 || errno != EAGAIN), "the server neither answers nor ends");
            if (r <= 0)
                break;
            got += static_cast<std::size_t>(r);
        }
        all.resize(got);
        return all;
    }
    /// One datagram; empty if none comes in `wait`.
    std::string datagram(std::chrono::milliseconds wait) const
    {
        const timeval limit{.tv_sec = wait.count() / 1000, .tv_usec = wait.count() % 1000 * 1000};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        std::string all(2000, '\0');
        all.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::recv(fd_, all.data(), all.size(), 0))));
        return all;
    }
    void end() const { ::shutdown(fd_, SHUT_WR); }

private:
    void connect(const sockaddr& to, socklen_t size, int type)
    {
        fd_ = ::socket(to.sa_family, type, 0);
        const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        BOOST_TEST_REQUIRE(::connect(fd_, &to, size) == 0);
    }

    int fd_ = -1;
};

} // namespace hawser::test

#endif
