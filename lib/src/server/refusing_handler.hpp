// SPDX-License-Identifier: BSL-1.0

// A session handler that knows how its protocol refuses a connection of which nothing was read.
#ifndef HAWSER_SRC_SERVER_REFUSING_HANDLER_HPP
#define HAWSER_SRC_SERVER_REFUSING_HANDLER_HPP

#include <hawser/server.hpp>

#include <string>

namespace hawser::inline v0_1::detail {

/// A session_handler holds it like any other; a server that finds it there takes it apart.
struct refusing_handler {
    session_handler run;
    std::string words; // the bytes of the refusal

    awaitable<void> operator()(connection& peer) const { return run(peer); }
};

} // namespace hawser::inline v0_1::detail

#endif
