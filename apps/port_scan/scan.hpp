// SPDX-License-Identifier: BSL-1.0

// A scan of TCP ports: so many connections at once, so many a second, and what became of each.
#ifndef HAWSER_APPS_PORT_SCAN_SCAN_HPP
#define HAWSER_APPS_PORT_SCAN_SCAN_HPP

#include <hawser/awaitable.hpp>
#include <hawser/endpoint.hpp>
#include <hawser/error.hpp>
#include <hawser/time.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace app {

enum class port_state {
    open,       ///< somebody accepts
    closed,     ///< the host answers that nobody does
    filtered,   ///< no answer in time
    unreachable ///< the way there ends, or a router says so
};

struct port_result {
    std::uint16_t port = 0;
    port_state state = port_state::closed;
    hawser::error_code error; ///< unless it is open
};

struct scan_plan {
    std::string address; ///< numeric, with a scope if it needs one
    std::vector<std::uint16_t> ports;
    std::optional<std::string> source;                         ///< numeric; unset: the kernel's choice
    hawser::duration timeout = std::chrono::milliseconds{500}; ///< for each port
    std::size_t parallel = 256;                                ///< connections under way at most
    std::uint64_t rate = 10'000;                               ///< connections begun in a second at most
    std::function<void()> port_done = [] {};                   ///< after each port

    /// For each port that is open.
    std::function<void(const hawser::endpoint& from, const hawser::endpoint& to)> connected = [](auto&, auto&) {};
};

/// Connects to each port once and closes the connection again: a result for each, in the order of the ports. The plan
/// has to outlive it. Throws failure if this host cannot go on, for want of descriptors or of local ports.
hawser::awaitable<std::vector<port_result>> scan(const scan_plan& plan);

} // namespace app

#endif
