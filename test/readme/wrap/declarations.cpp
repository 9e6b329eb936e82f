// SPDX-License-Identifier: BSL-1.0

// Functions and types at namespace scope.
#include <hawser/server.hpp>

#include <chrono>
#include <string>

using namespace std::chrono_literals;

// BODY
