// SPDX-License-Identifier: BSL-1.0
#include "client/race.hpp"

#include <algorithm>

namespace hawser::inline v0_1::detail {

address_list interleave(const address_list& preferred)
{
    address_list first;
    address_list others;
    for (const auto& a : preferred)
        (a.first.any.sa_family == preferred.front().first.any.sa_family ? first : others).push_back(a);
    address_list list;
    list.reserve(preferred.size());
    for (std::size_t i = 0; i < std::max(first.size(), others.size()); ++i) {
        if (i < first.size())
            list.push_back(first[i]);
        if (i < others.size())
            list.push_back(others[i]);
    }
    return list;
}

std::optional<std::size_t> race::next(time_point now) noexcept
{
    if (now < due() || started_ == addresses_)
        return {};
    due_ = after(now, delay_);
    return started_++;
}

void race::failed() noexcept
{
    ++failed_;
    due_ = time_point::min();
}

} // namespace hawser::inline v0_1::detail
