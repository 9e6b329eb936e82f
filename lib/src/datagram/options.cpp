// SPDX-License-Identifier: BSL-1.0
#include <hawser/datagram.hpp>

#include <stdexcept>
#include <string>

namespace hawser::inline v0_1 {
namespace {

constexpr unsigned highest_rate = 1'000'000;

void require(bool holds, const char* field, std::size_t value, const char* expected)
{
    if (!holds)
        throw std::invalid_argument{std::string{"datagram_options."} + field + ": expected " + expected + ", got " +
                                    std::to_string(value)};
}

void require_rate(const char* field, unsigned value)
{
    require(value >= 1 && value <= highest_rate, field, value, "1 to 1000000");
}

} // namespace

void validate(const datagram_options& o)
{
    require_rate("rate_per_address", o.rate_per_address.value_or(1));
    require_rate("burst_per_address", o.burst_per_address);
    require(o.max_addresses >= 1, "max_addresses", o.max_addresses, "1 or more");
    require(o.max_handlers >= 1, "max_handlers", o.max_handlers, "1 or more");
}

} // namespace hawser::inline v0_1
