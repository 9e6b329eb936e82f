// SPDX-License-Identifier: BSL-1.0
#include <hawser/options.hpp>

#include <stdexcept>
#include <string>

namespace hawser::inline v0_1 {
namespace {

void require(bool holds, const char* field, const std::string& value, const char* expected)
{
    if (!holds)
        throw std::invalid_argument{std::string{field} + ": expected " + expected + ", got " + value};
}

void require_positive(const char* field, duration d)
{
    require(d > duration::zero(), field, std::to_string(d.count()) + " ns", "a time above zero");
}

} // namespace

void validate(const timeouts& t)
{
    require_positive("timeouts.handshake", t.handshake);
    require_positive("timeouts.idle", t.idle);
    require_positive("timeouts.frame", t.frame);
    require_positive("timeouts.write", t.write);
    require_positive("timeouts.drain", t.drain);
}

void validate(const limits& l)
{
    require(l.connections.value_or(1) >= 1, "limits.connections", "0", "1 or more");
    require(l.per_address.value_or(1) >= 1, "limits.per_address", "0", "1 or more");
    if (l.connections && l.per_address)
        require(*l.per_address <= *l.connections, "limits.per_address", std::to_string(*l.per_address),
                ("at most limits.connections, " + std::to_string(*l.connections)).c_str());
    require(l.data_limit.value_or(1) >= 1, "limits.data_limit", "0", "1 or more");
    require(l.handshakes >= 1, "limits.handshakes", "0", "1 or more");
    require(l.output_high_water >= 1, "limits.output_high_water", "0", "1 or more");
    require(l.output_low_water < l.output_high_water, "limits.output_low_water", std::to_string(l.output_low_water),
            ("less than limits.output_high_water, " + std::to_string(l.output_high_water)).c_str());
}

} // namespace hawser::inline v0_1
