// SPDX-License-Identifier: BSL-1.0

// What to do when accept(2) fails.
//
// Uses nothing but the errors' numbers.
#ifndef HAWSER_SRC_SERVER_ACCEPT_FAILURE_HPP
#define HAWSER_SRC_SERVER_ACCEPT_FAILURE_HPP

#include <cerrno>

namespace hawser::inline v0_1::detail {

enum class accept_failure {
    none_queued, ///< wait until the socket is readable
    of_this_one, ///< of that connection alone, which has left the queue: accept the next one
    descriptors, ///< none is left: one that is closed is worth one more attempt
    for_a_while, ///< of the kernel's, whatever it is: try again later
    for_good     ///< this is not, or no longer, a socket that listens
};

constexpr accept_failure accept_failure_of(int error) noexcept
{
    switch (error) {
    case EAGAIN: return accept_failure::none_queued;
    case ECONNABORTED: // the client is gone
    case EPROTO:
    case EINTR:
    case ENETDOWN: // errors of the new socket's network, which accept(2) passes on
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return accept_failure::of_this_one;
    case EMFILE:
    case ENFILE: return accept_failure::descriptors;
    case EBADF:
    case EINVAL:
    case ENOTSOCK: return accept_failure::for_good;
    default: return accept_failure::for_a_while;
    }
}

} // namespace hawser::inline v0_1::detail

#endif
