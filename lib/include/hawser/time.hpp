// SPDX-License-Identifier: BSL-1.0

// Time as Hawser reads it: one monotonic clock, which a test may replace.
//
// Uses nothing but the standard library.
#ifndef HAWSER_TIME_HPP
#define HAWSER_TIME_HPP

#include <hawser/detail/export.hpp>

#include <chrono>

namespace hawser::inline v0_1 {

/// A span of time. Every duration of the standard library converts.
using duration = std::chrono::nanoseconds;

/// An instant of the monotonic clock; its epoch means nothing.
using time_point = std::chrono::time_point<std::chrono::steady_clock, duration>;

/// No deadline: waits for ever.
inline constexpr duration never = duration::max();

/// The instant `wait` after `from`; `never`, and whatever lies beyond the clock, is time_point::max().
constexpr time_point after(time_point from, duration wait) noexcept
{
    return wait >= time_point::max() - from ? time_point::max() : from + wait;
}

/// Where a runtime reads the time. Deadlines follow it, and nothing else does.
class HAWSER_EXPORT clock
{
public:
    virtual ~clock() = default;

    /// Now. Called once per received batch and whenever a deadline is stored; from any thread.
    virtual time_point now() const noexcept = 0;

protected:
    clock() = default;
    clock(const clock&) = default;
    clock& operator=(const clock&) = default;
};

/// CLOCK_MONOTONIC_COARSE: 2.6 ns a reading, and as fine as the kernel's tick (1 to 10 ms). The default.
HAWSER_EXPORT const clock& coarse_clock() noexcept;

} // namespace hawser::inline v0_1

#endif
