// SPDX-License-Identifier: BSL-1.0

// What the admin endpoint answers: from a request to its response.
#ifndef HAWSER_SRC_ADMIN_ANSWERS_HPP
#define HAWSER_SRC_ADMIN_ANSWERS_HPP

#include "admin/rows.hpp"
#include "server/server_core.hpp"

#include <hawser/http/server.hpp>

#include <memory>
#include <vector>

namespace hawser::inline v0_1::detail {

/// What the answers are about. Outlives every request.
struct admin_subject {
    std::shared_ptr<server_core> served = {};
    std::vector<std::shared_ptr<server_core>> shown = {}; ///< whose sockets /connections has
    std::shared_ptr<loop> here = {};                      ///< on which the requests are answered
    process_facts process = {};
    bool may_drain = false; ///< who can ask may also drain: the endpoint is a Unix socket
};

awaitable<void> answer(const admin_subject& about, http::request& request, http::response& response);

} // namespace hawser::inline v0_1::detail

#endif
