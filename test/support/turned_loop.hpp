// SPDX-License-Identifier: BSL-1.0

// Connections over real sockets on one loop that the test turns by hand, with the bare other ends. For one file of a
// Boost.Test program.
#ifndef HAWSER_TEST_TURNED_LOOP_HPP
#define HAWSER_TEST_TURNED_LOOP_HPP

#include "connection/core.hpp"
#include "kit_namespace.hpp"
#include "loop/descriptor_watch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace hawser::test {

using namespace std::chrono_literals;

inline std::pair<detail::descriptor, detail::descriptor> unix_pair()
{
    int both[2] = {-1, -1};
    BOOST_REQUIRE_EQUAL(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
    return {detail::descriptor{both[0]}, detail::descriptor{both[1]}};
}

inline std::pair<detail::descriptor, detail::descriptor> tcp_pair()
{
    const detail::descriptor listening{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* const name = reinterpret_cast<sockaddr*>(&at);
    BOOST_REQUIRE_EQUAL(::bind(listening.get(), name, size), 0);
    BOOST_REQUIRE_EQUAL(::listen(listening.get(), 1), 0);
    BOOST_REQUIRE_EQUAL(::getsockname(listening.get(), name, &size), 0);
    detail::descriptor peer{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    BOOST_REQUIRE_EQUAL(::connect(peer.get(), name, size), 0);
    return {detail::descriptor{::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)}, std::move(peer)};
}

inline void send(const detail::descriptor& to, std::string_view bytes, int flags = 0)
{
    BOOST_REQUIRE_EQUAL(::send(to.get(), bytes.data(), bytes.size(), flags), static_cast<ssize_t>(bytes.size()));
}

// A loop, and connections on it whose other ends the test holds.
class turned_loop
{
public:
    struct opened {
        connection c;
        detail::descriptor peer;
        int number; // of the connection's own socket
    };

    opened open(std::pair<detail::descriptor, detail::descriptor> ends, detail::polled_socket::family of)
    {
        error_code e;
        const int number = ends.first.get();
        detail::any_stream stream{std::in_place_type<detail::socket_stream>, loop_->sockets(), std::move(ends.first),
                                  of, e};
        BOOST_REQUIRE_EQUAL(e, error_code{});
        return {detail::core_access::make(new detail::connection_core{
                    *loop_, std::move(stream), std::make_shared<const detail::settings>(), detail::address{}}),
                std::move(ends.second), number};
    }
    opened open_tcp() { return open(tcp_pair(), detail::polled_socket::family::ip); }
    opened open_unix() { return open(unix_pair(), detail::polled_socket::family::unix_path); }

    // What one read gave; nothing as long as it waits, "(end)" at the end of the stream, and the error's name.
    using result = std::shared_ptr<std::optional<std::string>>;
    result start(awaitable<std::optional<bytes_view>> read)
    {
        auto r = std::make_shared<std::optional<std::string>>();
        boost::asio::co_spawn(loop_->executor(), std::move(read),
                              [r](std::exception_ptr thrown, std::optional<bytes_view> bytes) {
                                  *r = thrown ? "(error)" : std::string{bytes.value_or("(end)")};
                              });
        return r;
    }
    template <class Condition>
    void turn_until(Condition&& reached)
    {
        turn_until(std::forward<Condition>(reached), [](const std::runtime_error& e) { throw e; });
    }
    template <class Condition, class Escaped>
    void turn_until(Condition&& reached, Escaped&& escaped)
    {
        const auto limit = std::chrono::steady_clock::now() + 10s;
        while (!reached() && std::chrono::steady_clock::now() < limit) {
            try {
                loop_->poll();
            } catch (const std::runtime_error& e) {
                escaped(e);
            }
        }
        BOOST_TEST_REQUIRE(reached());
    }
    std::string result_of(awaitable<std::optional<bytes_view>> read)
    {
        const result r = start(std::move(read));
        turn_until([&] { return r->has_value(); });
        return **r;
    }
    // Until whatever was sent before this call has been announced.
    void catch_up()
    {
        opened other = open_tcp();
        const result r = start(other.c.read_some());
        send(other.peer, "x");
        turn_until([&] { return r->has_value(); });
    }
    detail::loop& on() { return *loop_; }

private:
    std::shared_ptr<detail::loop> loop_ =
        std::make_shared<detail::loop>(coarse_clock(), false, std::make_shared<detail::descriptor_watch>());
};

} // namespace hawser::test

#endif
