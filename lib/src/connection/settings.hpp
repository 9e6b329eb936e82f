// SPDX-License-Identifier: BSL-1.0

// What a connection is configured with.
#ifndef HAWSER_SRC_CONNECTION_SETTINGS_HPP
#define HAWSER_SRC_CONNECTION_SETTINGS_HPP

#include <hawser/framing.hpp>
#include <hawser/options.hpp>
#include <hawser/time.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace hawser::inline v0_1::detail {

/// How often the wheel looks at a connection that holds a buffer: a twentieth of the shortest of these.
inline duration look_interval(const timeouts& t) noexcept
{
    return std::clamp<duration>(std::min({t.idle, t.frame, t.write}) / 20, 1ms, 500ms);
}

/// Shared by a listener's connections until one changes its own timeouts.
struct settings {
    hawser::framing framing = hawser::framing::u32_be;
    hawser::timeouts timeouts = {};
    std::uint64_t data_limit = ~std::uint64_t{0};
    std::size_t high_water = 256 * 1024;
    std::size_t low_water = 64 * 1024;
    duration look_every = look_interval(timeouts);
};

} // namespace hawser::inline v0_1::detail

#endif
