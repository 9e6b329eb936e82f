// SPDX-License-Identifier: BSL-1.0

// Gives memory back to the system that handshakes which came to nothing have freed.
//
// glibc's heaps shrink at their ends alone: one small block that is still in use, and was taken while thousands shook
// hands, keeps all that is free below it resident, for good. malloc_trim() gives that back too. It takes about 0.2 ms
// for each MiB, and holds up whoever allocates from the heap that it is at meanwhile: it runs on the control loop, 5 s
// after 64 handshakes have come to nothing, and then every 10 s as long as more do. Where nobody attacks it never runs.
// How glibc chooses its heaps, and when they shrink by themselves, are a process's own settings, not a library's.
#ifndef HAWSER_SRC_SERVER_MEMORY_RETURN_HPP
#define HAWSER_SRC_SERVER_MEMORY_RETURN_HPP

#include "loop/calls.hpp"
#include "loop/loop.hpp"

#include <atomic>
#include <memory>

namespace hawser::inline v0_1::detail {

class memory_return final : public std::enable_shared_from_this<memory_return>, private wheel::entry, private owned_call
{
public:
    static constexpr std::size_t worth_it = 64; ///< handshakes, of up to 64 KiB each

    explicit memory_return(loop& control) noexcept : control_{control} {}

    /// A handshake has come to nothing, and its memory is free, or will be soon. From any thread.
    void freed() noexcept;

    /// For good: the server drains, or has gone. From any thread.
    void stop() noexcept;

    /// How often memory was given back, which nothing else shows: for tests.
    std::size_t times() const noexcept { return times_.load(std::memory_order_relaxed); }

private:
    void called() override;
    time_point on_due(time_point now) override;

    loop& control_;
    std::atomic<std::size_t> freed_{0}; // since memory was last given back
    std::atomic<std::size_t> times_{0};
    time_point not_before_{};
    std::atomic<bool> stopped_{false};
};

} // namespace hawser::inline v0_1::detail

#endif
