// SPDX-License-Identifier: BSL-1.0

// A loop in real time: how often its deadlines wake it.
#include "loop/loop.hpp"

#include "loop/descriptor_watch.hpp"

#define BOOST_TEST_MODULE loop
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <ctime>
#include <memory>

using namespace hawser;
using namespace hawser::detail;
using namespace std::chrono_literals;

namespace {

struct deadline : wheel::entry {
    bool passed = false;
    time_point on_due(time_point) override
    {
        passed = true;
        return time_point::max();
    }
};

// How far the coarse clock usually is behind the one that wakes the loop, at most.
duration coarseness()
{
    std::timespec resolution{};
    BOOST_REQUIRE_EQUAL(::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution), 0);
    return std::chrono::seconds{resolution.tv_sec} + std::chrono::nanoseconds{resolution.tv_nsec};
}

} // namespace

// Each deadline here goes through three levels of the wheel at most. The clock that wakes a loop is finer than the one
// that its deadlines are read from: a loop that was woken too early is woken again when the coarse clock has caught up,
// and not at once.
BOOST_AUTO_TEST_CASE(a_deadline_turns_its_wheel_once_for_each_level_and_never_wakes_its_loop_again_at_once)
{
    const auto on = std::make_shared<loop>(coarse_clock(), true, std::make_shared<descriptor_watch>());
    for (const duration wait : {1ms, 5ms, 30ms, 300ms}) {
        deadline entry;
        const auto begun = std::chrono::steady_clock::now();
        const time_point asked = on->now() + wait;
        on->arm(entry, asked);
        int woken = 0;
        int turned = 0;
        while (!entry.passed) {
            const time_point next = on->timers().next();
            on->context().run_one();
            ++woken;
            turned += on->timers().next() != next ? 1 : 0;
        }
        BOOST_TEST(turned <= 3);
        BOOST_TEST((std::chrono::steady_clock::now() - begun >= woken * coarseness()));
        BOOST_TEST((on->now() >= asked));
    }
}
