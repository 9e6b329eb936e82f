// SPDX-License-Identifier: BSL-1.0

// Sockets that were there before the process: fd:N, and those that systemd passes to a service (sd_listen_fds(3)).
#ifndef HAWSER_SRC_SOCKETS_INHERITED_HPP
#define HAWSER_SRC_SOCKETS_INHERITED_HPP

#include "sockets/listening_socket.hpp"

#include <hawser/endpoint.hpp>

#include <sys/socket.h>

#include <cstdint>
#include <vector>

namespace hawser::inline v0_1::detail {

enum class socket_kind : std::uint8_t {
    stream,    ///< TCP or a Unix stream socket, listening or bound
    datagrams, ///< UDP, bound
};

struct inherited_socket {
    descriptor fd; // non-blocking, which whoever shares it sees too; close-on-exec
    sa_family_t family = AF_UNSPEC;
    bool listens = false;
};

/// Takes what an endpoint fd:N or systemd:NAME stands for: one socket, or all of that name. Throws endpoint_error for
/// one that is taken already or of another kind; then it takes none.
///
/// systemd's variables are read, and removed from the environment, at the first systemd:NAME of the process, so that no
/// child takes them for its own.
std::vector<inherited_socket> take_inherited(const endpoint& where, socket_kind wanted);

} // namespace hawser::inline v0_1::detail

#endif
