// SPDX-License-Identifier: BSL-1.0
#include "connection/output.hpp"

#include <algorithm>
#include <new>

namespace hawser::inline v0_1::detail {

char* output::extend_pending(std::size_t size)
{
    pending_.reserve(size);
    char* const at = pending_.space();
    pending_.commit(size);
    return at;
}

output::given output::keep(two_pieces pieces, std::size_t taken) noexcept
{
    const std::size_t of_first = std::min(taken, pieces.first.size());
    pieces.first.remove_prefix(of_first);
    pieces.second.remove_prefix(taken - of_first);
    try {
        pending_.reserve(pieces.size());
    } catch (const std::bad_alloc&) {
        return given::no_memory;
    }
    pending_.append(pieces.first);
    pending_.append(pieces.second);
    return given::some;
}

// One at a time: the next is admitted when this one has appended, so that together they pass the mark by one frame.
void output::admit() noexcept
{
    if (admitted_ || writers_.empty())
        return;
    admitted_ = true;
    writers_.wake_one();
}

bool output::went_on() noexcept
{
    if (pending_.size() <= settings_.low_water)
        admit();
    if (is_pending())
        return true;
    sending_ = false;
    pending_.release();
    flushers_.wake_all();
    return false;
}

void output::drop() noexcept
{
    pending_.release();
    if (owns_cork()) {
        cork_.owner = nullptr;
        cork_.size = 0;
    }
}

bool output::keeps_pace(std::uint64_t acknowledged, duration window) noexcept
{
    const auto wanted = static_cast<std::uint64_t>(std::chrono::duration<double>(window).count() * write_rate);
    if (acknowledged < sending_from_ + std::max<std::uint64_t>(wanted, 1))
        return false;
    sending_from_ = acknowledged;
    return true;
}

} // namespace hawser::inline v0_1::detail
