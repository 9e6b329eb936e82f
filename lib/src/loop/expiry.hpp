// SPDX-License-Identifier: BSL-1.0

// A deadline in a coroutine's frame: it calls a function when it passes.
#ifndef HAWSER_SRC_LOOP_EXPIRY_HPP
#define HAWSER_SRC_LOOP_EXPIRY_HPP

#include "loop/loop.hpp"

#include <functional>
#include <utility>

namespace hawser::inline v0_1::detail {

class expiry final : private wheel::entry
{
public:
    /// `interrupt` is called on the loop, once, unless the object is destroyed first. It must not destroy it.
    expiry(loop& on, duration wait, std::function<void()> interrupt)
        : loop_{on}, due_{after(on.now(), wait)}, interrupt_{std::move(interrupt)}
    {
        if (due_ != time_point::max())
            loop_.arm(*this, due_);
    }
    ~expiry() override { loop_.cancel(*this); }

    bool passed() const noexcept { return passed_; }

private:
    time_point on_due(time_point now) override
    {
        if (now < due_)
            return due_;
        passed_ = true;
        interrupt_();
        return time_point::max();
    }

    loop& loop_;
    const time_point due_;
    std::function<void()> interrupt_;
    bool passed_ = false;
};

} // namespace hawser::inline v0_1::detail

#endif
