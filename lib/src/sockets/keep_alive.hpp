// SPDX-License-Identifier: BSL-1.0

// How the kernel finds out that a TCP peer is gone: what servers and clients may be told about it, in one place.
#ifndef HAWSER_SRC_SOCKETS_KEEP_ALIVE_HPP
#define HAWSER_SRC_SOCKETS_KEEP_ALIVE_HPP

#include <hawser/time.hpp>

namespace hawser::inline v0_1::detail {

/// As in listen_options and connect_options.
struct keep_alive_options {
    duration keep_alive;
    int keep_alive_probes;
    duration user_timeout;
};

template <class Options>
keep_alive_options keep_alive_of(const Options& o) noexcept
{
    return {o.keep_alive, o.keep_alive_probes, o.user_timeout};
}

/// Throws std::invalid_argument naming the field that is out of range; `of` is "listen_options." or "connect_options.".
void validate(const char* of, const keep_alive_options& o);

/// Of a TCP socket, whose accepted connections inherit it.
void set_keep_alive(int descriptor, const keep_alive_options& o) noexcept;

} // namespace hawser::inline v0_1::detail

#endif
