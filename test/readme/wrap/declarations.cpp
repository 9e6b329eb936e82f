// Functions and types at namespace scope.
#include <hawser/server.hpp>

#include <chrono>
#include <string>

using namespace std::chrono_literals;

// BODY
