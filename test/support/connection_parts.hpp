// SPDX-License-Identifier: BSL-1.0

// What the parts of a connection need of a loop, without one: memory, time, and a list of those who are woken.
#ifndef HAWSER_TEST_CONNECTION_PARTS_HPP
#define HAWSER_TEST_CONNECTION_PARTS_HPP

#include "kit_namespace.hpp"
#include "loop/blocks.hpp"
#include "loop/calls.hpp"
#include "loop/cork.hpp"
#include "loop/wait_queue.hpp"

#include <hawser/test/manual_clock.hpp>

#include <vector>

namespace hawser::test {

struct surroundings final : detail::caller {
    time_point now() const noexcept override { return time.now(); }
    bool ask(detail::call& c) noexcept override
    {
        asked.push_back(&c);
        return true;
    }

    manual_clock time;
    detail::wheel timers{time.now()};
    detail::block_pool blocks{timers, time};
    detail::cork cork;
    std::vector<detail::call*> asked;
};

/// One that waits in a queue, as a suspended coroutine does.
struct sleeper final : detail::waiting {
    sleeper(surroundings& s, detail::wait_queue& queue)
    {
        on = &s;
        queue.push(*this);
    }
    bool is_woken() const noexcept { return !is_linked(); }
};

} // namespace hawser::test

#endif
