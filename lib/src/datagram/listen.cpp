// SPDX-License-Identifier: BSL-1.0
#include "datagram/listener.hpp"
#include "server/server_core.hpp"

#include <hawser/datagram.hpp>
#include <hawser/server.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace hawser::inline v0_1 {

listener_handle listen_datagrams(server& s, const endpoint& where, const datagram_handler& handler,
                                 const datagram_options& options)
{
    detail::server_core& core = detail::server_access::get(s);
    core.refuse_once_draining(where);
    validate(options);
    std::vector<std::shared_ptr<detail::any_listener>> made;
    for (detail::datagram_descriptor& socket : detail::bind_datagrams(where, options.dual_stack))
        made.push_back(
            std::make_shared<detail::datagram_listener>(core.shared_from_this(), handler, options, std::move(socket)));
    return core.add(where, made, made.size());
}

} // namespace hawser::inline v0_1
