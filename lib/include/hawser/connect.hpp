// SPDX-License-Identifier: BSL-1.0

// Connecting: one coroutine from an endpoint to a connection.
#ifndef HAWSER_CONNECT_HPP
#define HAWSER_CONNECT_HPP

#include <hawser/connection.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/tls.hpp>

#include <boost/system/result.hpp>

#include <optional>
#include <string>

namespace hawser::inline v0_1 {

/// What connect() may be told.
struct connect_options {
    hawser::framing framing = hawser::framing::u32_be; ///< how frames are delimited, for the life of the connection

    /// For everything together: loading the files of `tls`, resolving the name, trying its addresses, and the TLS
    /// handshake. Above zero, or `never`.
    duration connect_timeout = 10s;

    /// For the TLS handshake alone, from the connection on; `connect_timeout` then ends where this begins. Above zero,
    /// or `never`. Unset: `connect_timeout` is for both.
    std::optional<duration> handshake_timeout = std::nullopt;

    /// Of the connection that results; a client waits for its server as long as it takes unless told otherwise.
    hawser::timeouts timeouts = {.idle = never};
    hawser::limits limits = {}; ///< what the connection may hold

    /// How TLS is spoken to a tls:// endpoint.
    tls_client tls = {};

    /// The address to connect from, numeric, without a port: only addresses of its family are tried. Unset: the
    /// kernel's choice.
    std::optional<std::string> source = std::nullopt;

    /// How long an address is tried alone, before the next one is tried beside it: 10 ms to 2 s, and better not below
    /// 100 ms. For a network on which one kind of address leads nowhere this is what connecting takes longer.
    duration attempt_delay = 250ms;

    /// The silence of a TCP peer after which the kernel probes it, and again each quarter of that (SO_KEEPALIVE). From
    /// 1 s to 32767 s, in whole seconds; `never`: it does not probe, and a client that only reads never learns that its
    /// server is gone.
    duration keep_alive = 60s;

    /// Probes that stay unanswered until the kernel gives the connection up (TCP_KEEPCNT); 1 to 127. They count where
    /// user_timeout is `never`, which decides otherwise.
    int keep_alive_probes = 4;

    /// For how long sent data or probes may stay unacknowledged until the kernel gives the connection up
    /// (TCP_USER_TIMEOUT): the next operation then throws ETIMEDOUT. From 1 ms to 24 days; `never`: as long as the
    /// system's settings let it.
    duration user_timeout = 60s;
};

/// Connects to a tcp://, tls:// or unix: endpoint. The name is resolved beside the loop, in a pool that all loops
/// share; a literal address is not looked up. Completes with a connection on the loop that awaits it.
///
/// A name's addresses are raced as RFC 8305 (Happy Eyeballs) says: IPv6 and IPv4 in turn, in the resolver's order
/// within each, the next one after attempt_delay or as soon as one has failed. The first that is connected wins, the
/// others are closed at once, and TLS begins over the winner. Both kinds are looked up by one getaddrinfo, which
/// answers when it has both: there is no Resolution Delay, and no attempt begins on half an answer.
///
/// A Unix socket whose queue of connections is full is tried again, after 1 ms at first and every 50 ms later.
///
/// Throws endpoint_error, whose code() is errc::invalid_endpoint for a name that no look-up can find,
/// errc::connect_timeout, errc::resolver_busy, a resolver's EAI_ error, or the kernel's for the address that failed
/// last; what() names each address that was tried, with its error. errc::out_of_ports: this host had no port to connect
/// from, for 630 ms in which it was tried again. For tls://, tls_error with errc::handshake_timeout, one of errc's
/// certificate_ values, whose what() names the check that failed, or another of its values for TLS.
/// Cancelling it ends every attempt, with operation_aborted.
HAWSER_EXPORT awaitable<connection> connect(endpoint where, connect_options options);
HAWSER_EXPORT awaitable<connection> connect(endpoint where); ///< with the defaults

/// The same, with the error instead of an exception.
HAWSER_EXPORT awaitable<boost::system::result<connection>> try_connect(endpoint where, connect_options options);
HAWSER_EXPORT awaitable<boost::system::result<connection>> try_connect(endpoint where); ///< with the defaults

} // namespace hawser::inline v0_1

#endif
