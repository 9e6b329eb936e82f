// SPDX-License-Identifier: BSL-1.0

// The socket by which a service manager is told how a process does: sd_notify(3), without its library.
//
//     NOTIFY_SOCKET   where: a path, or @ and the name of an abstract Unix socket
//     WATCHDOG_USEC   how long it waits for the next WATCHDOG=1, in microseconds
//     WATCHDOG_PID    which process is meant by that; unset: whoever reads it
#ifndef HAWSER_SRC_SERVER_NOTIFY_SOCKET_HPP
#define HAWSER_SRC_SERVER_NOTIFY_SOCKET_HPP

#include "sockets/listening_socket.hpp"

#include <hawser/time.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace hawser::inline v0_1::detail {

class notify_socket
{
public:
    /// Nothing if $NOTIFY_SOCKET is unset, or no place of a kind that is known. The variable stays: a program may have
    /// more to say.
    static std::optional<notify_socket> from_environment();

    /// Sends lines VARIABLE=VALUE as one datagram. What cannot be sent within 50 ms is lost. From any thread.
    void say(std::string_view lines) const noexcept;

private:
    descriptor fd_; // connected
};

/// What this process is watched with; nothing if it is not.
std::optional<duration> watchdog_time();

} // namespace hawser::inline v0_1::detail

#endif
