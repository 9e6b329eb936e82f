// SPDX-License-Identifier: BSL-1.0
#include "server/permit.hpp"

#include "server/server_core.hpp"

namespace hawser::detail {

bool permit::enter(const address& peer)
{
    if (!peer.is_ip())
        return true;
    const admission::address_key key = peer.limit_key();
    if (!server_->doors().enter(key))
        return false;
    address_ = key;
    return true;
}

void permit::give_back() noexcept
{
    const std::shared_ptr<server_core> of = std::move(server_);
    if (!of)
        return;
    if (address_)
        of->doors().leave(*address_);
    of->release(*on_);
}

} // namespace hawser::detail
