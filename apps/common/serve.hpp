// SPDX-License-Identifier: BSL-1.0

// A server's life, from its listeners to its exit status.
#ifndef HAWSER_APPS_COMMON_SERVE_HPP
#define HAWSER_APPS_COMMON_SERVE_HPP

#include "common/server_options.hpp"

#include <hawser/server.hpp>

namespace app {

/// Runs until the server has drained, as hawser::run() does. Prints `listening on ENDPOINT` for each of its sockets as
/// soon as it runs: whoever reads the line may connect, and may send a signal. With TLS, each SIGHUP loads the
/// certificates anew, one reload at a time; SIGHUP has to be blocked in every thread, as server_options::begin() leaves
/// it. With --admin the admin endpoint is there from before that until after the drain, and its line is the last.
int serve(hawser::runtime& runtime, hawser::server& server, const server_options& options);

} // namespace app

#endif
