// SPDX-License-Identifier: BSL-1.0
#include "loop/wheel.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace hawser::inline v0_1::detail {

namespace {
constexpr duration after_failure = std::chrono::milliseconds{10};
}

wheel::wheel(time_point now) noexcept : current_{tick_of(now)} {}

void wheel::link(entry& e, time_point at) noexcept
{
    if (e.is_linked())
        e.unlink();
    e.at_ = at;
    if (at == time_point::max())
        return;
    const std::uint64_t tick = std::max(tick_of(at), current_);
    const std::uint64_t differing = tick ^ current_;
    const std::size_t index = differing == 0 ? 0 : static_cast<std::size_t>(std::bit_width(differing) - 1) / digit_bits;
    const std::size_t digit = (tick >> (index * digit_bits)) % slots_per_level;
    levels_[index].slots[digit].push_back(e);
    levels_[index].occupied |= std::uint64_t{1} << digit;
}

void wheel::cancel(entry& e) noexcept
{
    if (e.is_linked())
        e.unlink();
    e.at_ = time_point::max();
}

// The first occupied slot in time. Lower levels come before higher ones, and within a level every occupied slot lies at
// or after the current digit.
bool wheel::earliest(std::size_t& level_index, std::size_t& slot_index, std::uint64_t& tick) const noexcept
{
    for (std::size_t i = 0; i < levels; ++i) {
        if (levels_[i].occupied == 0)
            continue;
        const auto digit = static_cast<std::uint64_t>(std::countr_zero(levels_[i].occupied));
        const std::uint64_t shift = i * digit_bits;
        level_index = i;
        slot_index = digit;
        tick = ((current_ >> (shift + digit_bits)) << (shift + digit_bits)) | (digit << shift);
        return true;
    }
    return false;
}

time_point wheel::look_at(entry& e, time_point now)
{
    try {
        return e.on_due(now);
    } catch (const std::bad_alloc&) {
        return after(now, after_failure);
    }
}

void wheel::advance(time_point now)
{
    const std::uint64_t last = tick_of(now);
    std::size_t index = 0;
    std::size_t digit = 0;
    std::uint64_t tick = 0;
    slot not_yet_due;
    while (earliest(index, digit, tick) && tick <= last) {
        current_ = std::max(current_, tick);
        slot due;
        due.swap(levels_[index].slots[digit]);
        levels_[index].occupied &= ~(std::uint64_t{1} << digit);
        while (!due.empty()) {
            entry& e = due.front();
            e.unlink();
            if (e.at_ <= now) {
                e.at_ = time_point::max();
                e.at_ = look_at(e, now);
            }
            if (e.at_ <= now || tick_of(e.at_) == last) // this tick's slot must not be filled while it is emptied
                not_yet_due.push_back(e);
            else
                link(e, e.at_);
        }
    }
    current_ = std::max(current_, last);
    while (!not_yet_due.empty())
        link(not_yet_due.front(), not_yet_due.front().at_);
}

time_point wheel::next() const noexcept
{
    std::size_t index = 0;
    std::size_t digit = 0;
    std::uint64_t tick = 0;
    if (!earliest(index, digit, tick))
        return time_point::max();
    // At the end of a level 0 tick all its entries are due; a higher slot is opened when it begins.
    const std::uint64_t wake = index == 0 ? tick + 1 : tick;
    return time_point{duration{static_cast<duration::rep>(wake << tick_bits)}};
}

bool wheel::empty() const noexcept
{
    for (const level& l : levels_)
        for (auto rest = l.occupied; rest != 0; rest &= rest - 1)
            if (!l.slots[static_cast<std::size_t>(std::countr_zero(rest))].empty())
                return false;
    return true;
}

std::size_t wheel::size() const noexcept
{
    std::size_t n = 0;
    for (const level& l : levels_)
        for (const slot& s : l.slots)
            n += s.size();
    return n;
}

} // namespace hawser::inline v0_1::detail
