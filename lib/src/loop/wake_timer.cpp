// SPDX-License-Identifier: BSL-1.0
#include "loop/wake_timer.hpp"

#include "values/system_call.hpp"

#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

namespace hawser::inline v0_1::detail {
namespace {

std::timespec timespec_of(duration d) noexcept
{
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(d);
    std::timespec t{};
    t.tv_sec = whole.count();
    t.tv_nsec = (d - whole).count();
    return t;
}

} // namespace

wake_timer::wake_timer(poller& in, wakes& whom)
    : in_{in}, whom_{whom}, timer_{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)}
{
    if (!timer_)
        throw_failed("timerfd_create", last_error());
    if (const error_code refused = in_.add_timer(timer_.get(), *this))
        throw_failed("epoll_ctl", refused);
}

wake_timer::~wake_timer()
{
    clear();
    in_.forget_timer(timer_.get());
}

void wake_timer::set(time_point at) noexcept
{
    set_to(std::max(at.time_since_epoch(), duration{1})); // zero would clear it
    if (!std::exchange(is_set_, true))
        in_.expect();
}

void wake_timer::clear() noexcept
{
    if (!std::exchange(is_set_, false))
        return;
    set_to(duration::zero());
    in_.expect_no_more();
}

void wake_timer::set_to(duration since_epoch) noexcept
{
    const itimerspec when{.it_interval = {}, .it_value = timespec_of(since_epoch)};
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

} // namespace hawser::inline v0_1::detail
