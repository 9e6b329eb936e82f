// SPDX-License-Identifier: BSL-1.0

// The models that bench_server sets beside Hawser's loops, on plain blocking sockets: a thread for each connection, a
// process for each, and one connection at a time.
#ifndef HAWSER_APPS_BENCH_SERVER_MODELS_HPP
#define HAWSER_APPS_BENCH_SERVER_MODELS_HPP

#include "bench_server/plain_sockets.hpp"

#include <cstddef>

namespace app {

/// What a client gets for what it sends.
enum class reply {
    hello, ///< for each HTTP request `Hello, World!`
    echo   ///< the first bytes, at most echo_size, and the end of the connection
};

inline constexpr std::size_t echo_size = 1024;

/// Serves until a signal, and then until every connection has ended, the reading of which ends at once. What has not
/// ended after `drain` is cut. Each returns how many were.
std::size_t serve_with_threads(plain_listeners& listeners, reply what, hawser::duration drain);
std::size_t serve_with_processes(plain_listeners& listeners, reply what, hawser::duration drain);
std::size_t serve_one_by_one(plain_listeners& listeners, reply what, hawser::duration drain);

} // namespace app

#endif
