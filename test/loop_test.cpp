// A loop in real time: how often its deadlines wake it.
#include "loop.hpp"

#include "descriptor_watch.hpp"

#define BOOST_TEST_MODULE loop
#include <boost/test/unit_test.hpp>

#include <memory>

using namespace hawser;
using namespace hawser::detail;
using namespace std::chrono_literals;

namespace {

struct deadline : wheel::entry {
    bool passed = false;
    time_point look(time_point) override
    {
        passed = true;
        return time_point::max();
    }
};

} // namespace

// The clock that wakes a loop is finer than the one that its deadlines are read from: a loop that is woken too early
// must not be woken again at once. Each deadline here goes through two levels of the wheel at most, seldom three. The
// coarse clock stands still while the processor that moves it does not run: what wakes the loop then is not counted.
BOOST_AUTO_TEST_CASE(a_deadline_wakes_its_loop_at_most_twice_for_each_level_of_the_wheel_that_it_goes_through)
{
    const auto moves = [](const loop& on) { return std::chrono::steady_clock::now() - on.now() < 10ms; };
    const auto on = std::make_shared<loop>(coarse_clock(), true, std::make_shared<descriptor_watch>());
    for (const duration wait : {1ms, 5ms, 30ms, 300ms}) {
        deadline entry;
        const time_point asked = on->now() + wait;
        on->arm(entry, asked);
        std::size_t woken = 0;
        while (!entry.passed)
            woken += on->context().run_one() != 0 && moves(*on);
        BOOST_TEST(woken <= 6u);
        BOOST_TEST((on->now() >= asked));
    }
}
