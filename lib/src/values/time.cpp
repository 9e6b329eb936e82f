// SPDX-License-Identifier: BSL-1.0
#include <hawser/time.hpp>

#include <ctime>

namespace hawser::inline v0_1 {
namespace {

class coarse final : public clock
{
public:
    time_point now() const noexcept override
    {
        std::timespec t{};
        ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
        return time_point{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
    }
};

} // namespace

const clock& coarse_clock() noexcept
{
    // Never destroyed: loops may outlive the end of main.
    static const coarse& instance = *new coarse; // NOLINT(bugprone-unhandled-exception-at-new)
    return instance;
}

} // namespace hawser::inline v0_1
