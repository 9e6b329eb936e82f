// SPDX-License-Identifier: BSL-1.0

// Something that happens in a test again and again, and whoever waits for the next time; and some turns of the loop.
#ifndef HAWSER_TEST_MOMENTS_HPP
#define HAWSER_TEST_MOMENTS_HPP

#include "kit_namespace.hpp"
#include "loop/wait_queue.hpp"

#include <hawser/awaitable.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace hawser::test {

class moments
{
public:
    explicit moments(detail::loop& on) noexcept : loop_{on} {}

    /// Completes when it happens next. Cancelled, it throws operation_aborted.
    awaitable<void> next()
    {
        detail::waiting node;
        co_await waiting_.wait(node, loop_);
        node.check();
    }

    /// Through the loop's queue.
    void happens() noexcept { waiting_.wake_all(); }

private:
    detail::loop& loop_;
    detail::wait_queue waiting_;
};

/// Gives way to whatever is in the loop's queue, so many times.
inline awaitable<void> some_turns(unsigned turns)
{
    const auto on = co_await boost::asio::this_coro::executor;
    for (; turns > 0; --turns)
        co_await boost::asio::post(on, boost::asio::use_awaitable);
}

} // namespace hawser::test

#endif
