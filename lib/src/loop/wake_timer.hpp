// SPDX-License-Identifier: BSL-1.0

// Wakes a loop at an instant. It is a timer of the kernel's in the loop's poller: to set it needs no memory, where a
// timer of Asio's may fail.
#ifndef HAWSER_SRC_LOOP_WAKE_TIMER_HPP
#define HAWSER_SRC_LOOP_WAKE_TIMER_HPP

#include "loop/poller.hpp"
#include "sockets/descriptor.hpp"

#include <hawser/time.hpp>

namespace hawser::inline v0_1::detail {

class wake_timer final : private poller::entry
{
public:
    class wakes
    {
    public:
        /// The instant has come, or one that was set before.
        virtual void woken() = 0;

    protected:
        ~wakes() = default;
    };

    /// Throws system_error if the kernel has no timer to give.
    wake_timer(poller& in, wakes& whom);
    ~wake_timer();

    /// Of CLOCK_MONOTONIC. Instead of what was set before.
    void set(time_point at) noexcept;
    void clear() noexcept;

private:
    void ready(std::uint32_t) override { whom_.woken(); }
    void due() override {}
    void set_to(duration since_epoch) noexcept;

    poller& in_;
    wakes& whom_;
    descriptor timer_;
    bool is_set_ = false;
};

} // namespace hawser::inline v0_1::detail

#endif
