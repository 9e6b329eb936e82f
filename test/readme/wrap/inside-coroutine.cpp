// SPDX-License-Identifier: BSL-1.0

// Statements of a session's coroutine, which has its connection `peer`.
#include <hawser/connect.hpp>
#include <hawser/names.hpp>
#include <hawser/server.hpp>

#include <array>
#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

hawser::awaitable<void> snippet(hawser::connection& peer)
{
    static_cast<void>(peer);
    // BODY
    co_return;
}
