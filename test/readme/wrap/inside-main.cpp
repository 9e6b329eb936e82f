// SPDX-License-Identifier: BSL-1.0

// Statements of a main that has a runtime and the handler `echo`.
#include <hawser/server.hpp>

#include <chrono>
#include <string>

using namespace std::chrono_literals;

hawser::awaitable<void> echo(hawser::connection& peer);

int snippet(hawser::runtime& runtime)
{
    static_cast<void>(runtime);
    // BODY
    return 0;
}
