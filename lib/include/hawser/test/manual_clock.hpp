// SPDX-License-Identifier: BSL-1.0

// A clock that stands still until it is told otherwise.
//
// Uses nothing of Asio.
#ifndef HAWSER_TEST_MANUAL_CLOCK_HPP
#define HAWSER_TEST_MANUAL_CLOCK_HPP

#include <hawser/time.hpp>

#include <atomic>

namespace hawser::inline v0_1::test {

/// Give it to runtime_options::time, and move it by hand. Any thread may read it and move it.
class manual_clock final : public clock
{
public:
    /// It stands at `start` until it is moved.
    explicit manual_clock(time_point start = time_point{std::chrono::hours{1000}}) noexcept : now_{start} {}

    time_point now() const noexcept override { return now_.load(); }

    /// Moves it by so much, and runs nothing: world::advance() does both.
    void advance(duration by) noexcept { now_.store(now_.load() + by); }

private:
    std::atomic<time_point> now_;
};

} // namespace hawser::inline v0_1::test

#endif
