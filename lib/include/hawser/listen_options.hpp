// SPDX-License-Identifier: BSL-1.0

// How a socket listens, and what it passes down to the connections that it accepts.
//
// Uses nothing of Asio.
#ifndef HAWSER_LISTEN_OPTIONS_HPP
#define HAWSER_LISTEN_OPTIONS_HPP

#include <hawser/framing.hpp>
#include <hawser/options.hpp>
#include <hawser/tls.hpp>

#include <cstdint>
#include <optional>

namespace hawser::inline v0_1 {

/// What becomes of a connection that is one more than limits::connections.
enum class when_full : std::uint8_t {
    wait,   ///< it waits in the kernel's queue until another has ended
    refuse, ///< it is accepted and reset; a session of http::serve() without TLS answers it with 503 first
};

/// What a listener may be told.
struct listen_options {
    /// How frames are delimited, for the life of each connection.
    hawser::framing framing = hawser::framing::u32_be;

    /// How TLS is spoken: required by a tls:// endpoint; makes fd:N and systemd:NAME speak it, if they are TCP; refused
    /// with any other.
    std::optional<hawser::tls_server> tls = std::nullopt;

    /// Instead of the server's own, for this listener's connections (their drain is the server's).
    std::optional<hawser::timeouts> timeouts = std::nullopt;

    /// Connections that the kernel queues before they are accepted. Above net.core.somaxconn it is clipped by the
    /// kernel, not here. Unset: SOMAXCONN (4096), and for an inherited socket that listens already what it has. 1 or
    /// more.
    std::optional<int> backlog = std::nullopt;

    /// For a client that had better be told at once than be made to wait: refuse.
    hawser::when_full when_full = hawser::when_full::wait;

    /// A Unix socket's file mode, such as 0660. Unset: what the process's umask leaves of 0777. Not for inherited ones.
    std::optional<unsigned> unix_permissions = std::nullopt;

    /// [::] takes IPv4 peers too, shown and counted as IPv4. Not for inherited sockets, which are what they are.
    bool dual_stack = false;

    /// One listening socket for each loop (SO_REUSEPORT), which accepts for itself what the kernel gives it, instead of
    /// one for all that hands connections to the loop with the fewest. For short connections in such numbers that one
    /// loop cannot accept them. The kernel spreads by addresses and not by load, so that long-lived connections may
    /// crowd one loop; who waits in the queue of a loop that a handler keeps waits for that one; and another process of
    /// the same user that asks for the port shares it, instead of being refused. For tcp:// and tls:// alone. An
    /// acceptor's socket shares its port with others that have it.
    bool reuse_port = false;

    /// The silence of a TCP peer after which the kernel probes it, and again each quarter of that (SO_KEEPALIVE). From
    /// 1 s to 32767 s, in whole seconds; `never`: it does not probe.
    duration keep_alive = 60s;

    /// Probes that stay unanswered until the kernel gives the connection up (TCP_KEEPCNT); 1 to 127. They count where
    /// user_timeout is `never`, which decides otherwise.
    int keep_alive_probes = 4;

    /// For how long sent data or probes may stay unacknowledged until the kernel gives the connection up
    /// (TCP_USER_TIMEOUT). From 1 ms to 24 days; `never`: as long as the system's settings let it.
    duration user_timeout = 60s;
};

} // namespace hawser::inline v0_1

#endif
