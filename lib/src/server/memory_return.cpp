// SPDX-License-Identifier: BSL-1.0
#include "server/memory_return.hpp"

#include <algorithm>

#include <malloc.h>

namespace hawser::inline v0_1::detail {
namespace {

constexpr duration until_it_is_free = std::chrono::seconds{5}; // a linger may hold the last of it
constexpr duration least_interval = std::chrono::seconds{10};

} // namespace

void memory_return::freed() noexcept
{
    if (freed_.fetch_add(1) + 1 == worth_it)
        control_.ask(*this, shared_from_this());
}

void memory_return::stop() noexcept
{
    stopped_ = true;
    control_.ask(*this, shared_from_this());
}

void memory_return::called()
{
    if (stopped_)
        control_.cancel(*this);
    else if (linked_at() == time_point::max())
        control_.arm(*this, std::max(after(control_.now(), until_it_is_free), not_before_));
}

time_point memory_return::on_due(time_point now)
{
    if (freed_.exchange(0) == 0)
        return time_point::max();
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
    times_.store(times_ + 1, std::memory_order_relaxed);
    not_before_ = after(now, least_interval);
    return not_before_;
}

} // namespace hawser::inline v0_1::detail
