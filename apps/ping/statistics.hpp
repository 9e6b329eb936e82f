// SPDX-License-Identifier: BSL-1.0

// What ping has counted, and how it is told at the end: the two lines of the system's ping.
#ifndef HAWSER_APPS_PING_STATISTICS_HPP
#define HAWSER_APPS_PING_STATISTICS_HPP

#include <chrono>
#include <cstdint>
#include <string>

namespace app {

using milliseconds = std::chrono::duration<double, std::milli>;

class ping_statistics
{
public:
    std::uint64_t transmitted = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t corrupted = 0;
    std::uint64_t errors = 0;

    /// One more reply, the first to its request.
    void add(milliseconds round_trip);

    std::uint64_t received() const noexcept { return received_; }
    milliseconds longest() const noexcept { return longest_; }

    /// `3 packets transmitted, 3 received, 0% packet loss, time 2003ms`; duplicates, corrupted replies and errors are
    /// named if there were any.
    std::string packets(std::chrono::milliseconds took) const;

    /// `rtt min/avg/max/mdev = 0.032/0.041/0.050/0.007 ms`; empty without a reply.
    std::string round_trips() const;

private:
    std::uint64_t received_ = 0;
    milliseconds shortest_{};
    milliseconds longest_{};
    double sum_ = 0;
    double squares_ = 0;
};

} // namespace app

#endif
