// SPDX-License-Identifier: BSL-1.0
#include "server/permit.hpp"

#include "server/ledger.hpp"
#include "values/address.hpp"

namespace hawser::inline v0_1::detail {

std::optional<permit> permit::take(std::shared_ptr<ledger> of) noexcept
{
    if (!of->admission().take())
        return std::nullopt;
    return permit{std::move(of)};
}

void permit::assign(loop& on) noexcept
{
    on.assigned.fetch_add(1, std::memory_order_relaxed);
    on_ = &on;
}

bool permit::enter(const address& peer)
{
    if (!peer.is_ip())
        return true;
    const admission::address_key key = peer.limit_key();
    if (!ledger_->admission().enter(key))
        return false;
    address_ = key;
    return true;
}

void permit::give_back() noexcept
{
    const std::shared_ptr<ledger> of = std::move(ledger_);
    if (!of)
        return;
    if (address_)
        of->admission().leave(*address_);
    if (on_ != nullptr)
        on_->assigned.fetch_sub(1, std::memory_order_relaxed);
    of->permit_returns();
}

} // namespace hawser::inline v0_1::detail
