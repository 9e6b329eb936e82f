// SPDX-License-Identifier: BSL-1.0

// Who waits for a descriptor to become free: acceptors that met EMFILE. Shared by the loops of a runtime; thread safe.
#ifndef HAWSER_SRC_LOOP_DESCRIPTOR_WATCH_HPP
#define HAWSER_SRC_LOOP_DESCRIPTOR_WATCH_HPP

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace hawser::inline v0_1::detail {

class descriptor_watch
{
public:
    /// Calls `f`, which must not throw, once, from whichever thread closes the next connection or file.
    void wait(std::function<void()> f)
    {
        const std::lock_guard lock{mutex_};
        waiting_.push_back(std::move(f));
        any_.store(true, std::memory_order_relaxed);
    }

    /// A descriptor was closed. One load when nobody waits.
    void freed() noexcept
    {
        if (!any_.load(std::memory_order_relaxed))
            return;
        std::vector<std::function<void()>> all;
        {
            const std::lock_guard lock{mutex_};
            all.swap(waiting_);
            any_.store(false, std::memory_order_relaxed);
        }
        for (const auto& f : all)
            f();
    }

private:
    std::atomic<bool> any_{false};
    std::mutex mutex_;
    std::vector<std::function<void()>> waiting_;
};

} // namespace hawser::inline v0_1::detail

#endif
