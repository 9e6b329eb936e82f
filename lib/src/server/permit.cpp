// SPDX-License-Identifier: BSL-1.0
#include "server/permit.hpp"

#include "server/ledger.hpp"

namespace hawser::detail {

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
    of->release(*on_);
}

} // namespace hawser::detail
