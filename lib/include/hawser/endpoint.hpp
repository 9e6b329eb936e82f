// SPDX-License-Identifier: BSL-1.0

// Where a server listens and a client connects, as a string says it.
//
//     tcp://127.0.0.1:7000     HOST:PORT means the same
//     tcp://[::1]:7000         IPv6 in brackets; [fe80::1%eth0] with a scope
//     tcp://:7000              every interface, IPv4 and IPv6
//     tls://example.org:7443   the same over TLS
//     udp://127.0.0.1:7000     datagrams
//     unix:/run/echo.sock      a path
//     fd:3                     a socket that the process has inherited; to listen at alone
//     systemd:NAME             the sockets of that name that systemd has passed (sd_listen_fds(3)); likewise
//
// Uses nothing of Asio and resolves nothing: a host may be a name.
#ifndef HAWSER_ENDPOINT_HPP
#define HAWSER_ENDPOINT_HPP

#include <hawser/detail/export.hpp>
#include <hawser/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace hawser::inline v0_1 {

/// A parsed endpoint string: a scheme with a host and a port, a path, a descriptor or a name. A plain value.
class HAWSER_EXPORT endpoint
{
public:
    /// The transport, or where the sockets come from.
    enum class scheme_type : std::uint8_t { tcp, unix_socket, tls, udp, descriptor, systemd };

    /// tcp://, every interface, port 0.
    endpoint() = default;

    /// Reads the string. Throws endpoint_error naming the part that is wrong.
    /// Implicit, so that every function that takes an endpoint takes a string.
    endpoint(std::string_view text); // NOLINT(google-explicit-constructor)
    /// The same.
    endpoint(const char* text) : endpoint{std::string_view{text}} {} // NOLINT(google-explicit-constructor)
    /// The same.
    endpoint(const std::string& text) : endpoint{std::string_view{text}} {} // NOLINT(google-explicit-constructor)

    static endpoint tcp(std::string host, std::uint16_t port); ///< tcp://HOST:PORT; the host is not checked
    static endpoint tls(std::string host, std::uint16_t port); ///< tls://HOST:PORT
    static endpoint udp(std::string host, std::uint16_t port); ///< udp://HOST:PORT
    static endpoint unix_socket(std::string path);             ///< unix:PATH

    scheme_type scheme() const noexcept { return scheme_; }    ///< which transport
    const std::string& host() const noexcept { return host_; } ///< without brackets; empty: every interface
    std::uint16_t port() const noexcept { return port_; }      ///< 0: any free one
    const std::string& path() const noexcept { return host_; } ///< of a Unix socket; empty: unnamed
    const std::string& name() const noexcept { return host_; } ///< of what systemd passes
    int descriptor() const noexcept { return descriptor_; }    ///< of fd:N; -1 with any other scheme

    /// Whether it stands for sockets that are there already: fd:N and systemd:NAME, which tell nothing of what they
    /// are.
    bool is_inherited() const noexcept { return scheme_ == scheme_type::descriptor || scheme_ == scheme_type::systemd; }

    /// The canonical string, scheme included; reading it gives an equal endpoint.
    std::string to_string() const;

    /// As to_string(), without `tcp://`: how logs show a peer.
    std::string short_string() const;

    friend bool operator==(const endpoint&, const endpoint&) = default;

private:
    std::string host_and_port() const;

    scheme_type scheme_ = scheme_type::tcp;
    std::uint16_t port_ = 0;
    int descriptor_ = -1;
    std::string host_;
};

} // namespace hawser::inline v0_1

#endif
