// SPDX-License-Identifier: BSL-1.0
#include "ping/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace app {
namespace {

template <class... Values>
std::string format(const char* form, Values... values)
{
    std::array<char, 128> text{};
    std::snprintf(text.data(), text.size(), form, values...);
    return text.data();
}

} // namespace

void ping_statistics::add(milliseconds round_trip)
{
    shortest_ = received_ == 0 ? round_trip : std::min(shortest_, round_trip);
    longest_ = std::max(longest_, round_trip);
    sum_ += round_trip.count();
    squares_ += round_trip.count() * round_trip.count();
    ++received_;
}

std::string ping_statistics::packets(std::chrono::milliseconds took) const
{
    std::string text = std::to_string(transmitted) + " packets transmitted, " + std::to_string(received_) + " received";
    if (duplicates > 0)
        text += ", +" + std::to_string(duplicates) + " duplicates";
    if (corrupted > 0)
        text += ", +" + std::to_string(corrupted) + " corrupted";
    if (errors > 0)
        text += ", +" + std::to_string(errors) + " errors";
    const double lost = transmitted == 0 ? 0 : 1 - static_cast<double>(received_) / static_cast<double>(transmitted);
    return text + format(", %g%% packet loss, time ", lost * 100) + std::to_string(took.count()) + "ms";
}

std::string ping_statistics::round_trips() const
{
    if (received_ == 0)
        return {};
    const auto n = static_cast<double>(received_);
    const double average = sum_ / n;
    const double deviation = std::sqrt(std::max(0.0, squares_ / n - average * average));
    return format("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms", shortest_.count(), average, longest_.count(),
                  deviation);
}

} // namespace app
