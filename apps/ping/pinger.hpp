// SPDX-License-Identifier: BSL-1.0

// One run of ping: a request every so often, a line for each reply, and what was counted.
#ifndef HAWSER_APPS_PING_PINGER_HPP
#define HAWSER_APPS_PING_PINGER_HPP

#include "ping/icmp_socket.hpp"
#include "ping/statistics.hpp"

#include <hawser/awaitable.hpp>
#include <hawser/time.hpp>

#include <boost/asio/signal_set.hpp>

#include <cstdint>

namespace app {

/// Data bytes of each request.
constexpr std::size_t ping_size = 56;

struct ping_plan {
    std::uint64_t count = 0;                             ///< requests; 0: until the interruption
    hawser::duration interval = std::chrono::seconds{1}; ///< between two requests
    hawser::duration patience =
        std::chrono::seconds{10}; ///< for replies after the last request, when none has come yet
};

struct ping_result {
    ping_statistics counted;
    bool interrupted = false;
};

/// Sends the requests and prints a line for each reply and each error. Completes when all are answered, when the
/// patience is at its end, or at a signal of `interruption`. All three have to outlive it.
hawser::awaitable<ping_result> ping(const ping_plan& plan, icmp_socket& socket, boost::asio::signal_set& interruption);

} // namespace app

#endif
