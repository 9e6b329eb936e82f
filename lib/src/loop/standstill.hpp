// SPDX-License-Identifier: BSL-1.0

// Whether a loop stands still: a handler keeps it, and it is not for want of a processor.
//
// It is looked at again and again, from another thread. What counts is the time in which the loop turned to no other
// handler though its thread ran, or slept in a call: time that it spent waiting for a processor says nothing of it.
#ifndef HAWSER_SRC_LOOP_STANDSTILL_HPP
#define HAWSER_SRC_LOOP_STANDSTILL_HPP

#include <hawser/time.hpp>

#include <cstdint>

namespace hawser::inline v0_1::detail {

class loop;

class loop_standstill
{
public:
    /// From now on.
    loop_standstill(const loop& l, time_point now);

    void look(const loop& l, time_point now);

    /// It has stood still for 60 ms.
    bool is_blocked() const noexcept;

private:
    std::uint64_t turn_;
    std::uint64_t ran_; // nanoseconds of its thread
    time_point looked_;
    duration stood_{};
};

} // namespace hawser::inline v0_1::detail

#endif
