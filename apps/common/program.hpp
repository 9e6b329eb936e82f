// SPDX-License-Identifier: BSL-1.0

// What the mains have in common: --help, --version, the exit status, and one line for whatever went wrong.
#ifndef HAWSER_APPS_COMMON_PROGRAM_HPP
#define HAWSER_APPS_COMMON_PROGRAM_HPP

#include "common/command_line.hpp"

#include <functional>
#include <stdexcept>

namespace app {

/// Reads the command line, runs `body` and returns its result: the exit status of a server.
/// Wrong usage, and whatever keeps a server from starting, is a line on standard error and 2.
int run_server(command_line& line, int argc, const char* const* argv, const std::function<int()>& body);

/// What keeps a client from its result, in words that name the peer.
class failure : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

/// SIGINT, in a client that takes it by itself so that it can still tell what it has found.
class interruption : public std::runtime_error
{
public:
    interruption() : std::runtime_error{"caught SIGINT, exiting"} {}
};

/// The same for a client: 0 when `body` returns, 1 for a failure, 2 for wrong usage. SIGINT ends it at once with 130,
/// and so does an interruption.
int run_client(command_line& line, int argc, const char* const* argv, const std::function<void()>& body);

/// What SIGINT does before it ends a client: async-signal-safe things only.
void before_interruption(void (*function)()) noexcept;

/// Writes one line to standard output, where a client's results go, and flushes it. Throws failure if it cannot be.
void print(const std::string& text);

} // namespace app

#endif
