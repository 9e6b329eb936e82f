// SPDX-License-Identifier: BSL-1.0

// What the kernel knows of a socket, in the words of netstat and with the figures of ss.
#ifndef HAWSER_SRC_ADMIN_SOCKET_HPP
#define HAWSER_SRC_ADMIN_SOCKET_HPP

#include <hawser/time.hpp>

#include <cstdint>
#include <optional>

namespace hawser::inline v0_1::detail {

struct socket_state {
    const char* name = "UNKNOWN"; ///< ESTABLISHED, CLOSE_WAIT, LISTEN, ...; UNCONN for a datagram socket

    /// Bytes that have come and were not read, and bytes that are not acknowledged. Of a listener: connections that
    /// wait to be accepted, and how many may.
    std::uint64_t receive_queue = 0;
    std::uint64_t send_queue = 0;

    /// Since data last moved in either direction, or the connection was made. TCP alone.
    std::optional<duration> quiet;
};

/// `end_seen`: the peer's end of the stream has been read. From the thread that uses the descriptor.
socket_state tcp_state(int descriptor, bool end_seen) noexcept;
socket_state unix_state(int descriptor) noexcept;

/// Of a listener on a Unix socket; the queues are not known where the kernel has no diagnostics for it.
socket_state unix_listener_state(int descriptor) noexcept;
socket_state datagram_state(int descriptor) noexcept;

} // namespace hawser::inline v0_1::detail

#endif
