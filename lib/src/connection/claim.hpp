// SPDX-License-Identifier: BSL-1.0

// What a connection does with its place in a server, from what is given up first when others need one.
#ifndef HAWSER_SRC_CONNECTION_CLAIM_HPP
#define HAWSER_SRC_CONNECTION_CLAIM_HPP

#include <hawser/time.hpp>

#include <compare>
#include <cstdint>

namespace hawser::inline v0_1::detail {

struct claim {
    enum class kind : std::uint8_t {
        lingers,    // all of its output is sent, and it waits for nothing but its peer's end
        silent,     // it has received nothing yet
        unfinished, // bytes have come, but its first unit, or its handshake, is not whole
        flushes,    // its session has failed, and the rest of its output is being sent
        idle,       // it waits between two units
        works,      // anything else: never given up
    };
    kind what = kind::works;
    time_point since = time_point::max();

    friend auto operator<=>(const claim&, const claim&) = default;
};

} // namespace hawser::inline v0_1::detail

#endif
