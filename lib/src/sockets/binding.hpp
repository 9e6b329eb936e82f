// SPDX-License-Identifier: BSL-1.0

// From an endpoint to sockets bound at each address that it stands for, whatever the sockets are.
#ifndef HAWSER_SRC_SOCKETS_BINDING_HPP
#define HAWSER_SRC_SOCKETS_BINDING_HPP

#include "values/address.hpp"

#include <hawser/endpoint.hpp>
#include <hawser/error.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace hawser::inline v0_1::detail {

/// The addresses of a host that is a literal or empty; none if it is a name. `passive`: empty is every interface.
address_list numeric_addresses(const endpoint& where, bool passive);

/// The addresses of a host for sockets to bind to; an empty one is every interface. Waits while a name is looked up.
/// Throws endpoint_error if there is none.
address_list addresses_to_bind(const endpoint& where);

/// Throws the endpoint_error that names the endpoint, the step that failed, and the kernel's error.
[[noreturn]] void refuse_binding(const endpoint& where, const char* step, const error_code& why);

void set_port(std::pair<socket_address, socklen_t>& at, std::uint16_t port) noexcept;

/// `bind_one(address)` for each of the list, whose results have a where(). Several addresses share one port: the kernel
/// picks it for the first, and another is tried if the next has it taken. Throws what bind_one throws.
template <class BindOne>
auto bind_same_port(const endpoint& where, address_list list, BindOne bind_one)
{
    for (int attempts = 16;; --attempts) {
        std::vector<decltype(bind_one(list.front()))> bound;
        try {
            for (auto& at : list) {
                if (!bound.empty())
                    set_port(at, bound.front().where().port());
                bound.push_back(bind_one(at));
            }
            return bound;
        } catch (const endpoint_error& e) {
            const bool no_such_family = e.code() == boost::system::errc::address_family_not_supported ||
                                        e.code() == boost::system::errc::address_not_available;
            if (where.host().empty() && no_such_family && list.size() > 1) {
                list.erase(list.begin() + static_cast<std::ptrdiff_t>(bound.size())); // "every interface" without IPv6
            } else if (where.port() != 0 || bound.empty() || attempts == 1 ||
                       e.code() != boost::system::errc::address_in_use) {
                throw;
            }
            if (where.port() == 0)
                set_port(list.front(), 0);
        }
    }
}

} // namespace hawser::inline v0_1::detail

#endif
