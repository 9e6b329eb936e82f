// SPDX-License-Identifier: BSL-1.0

// Coroutines that wait for something inside Hawser: first come, first served.
//
//     waiting node;                       in the coroutine's own frame: nothing is allocated
//     co_await queue.wait(node, loop);
//     if (node.cancelled) ...
//
// A wait is ended by wake_one() or wake_all(), always through the loop's queue and never on the caller's stack, or by
// the coroutine's own cancellation. Not thread safe: everything happens on the loop.
#ifndef HAWSER_SRC_LOOP_WAIT_QUEUE_HPP
#define HAWSER_SRC_LOOP_WAIT_QUEUE_HPP

#include "loop/calls.hpp"
#include "loop/loop.hpp"

#include <hawser/detail/cancellation.hpp>
#include <hawser/detail/resumption.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/intrusive/list.hpp>

namespace hawser::inline v0_1::detail {

using wait_hook = boost::intrusive::list_base_hook<boost::intrusive::tag<struct wait_tag>,
                                                   boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class waiting : public wait_hook, private call
{
public:
    caller* on = nullptr;
    tenant* of = nullptr; // whose handler goes on then; null if that is not known
    resumption resume;
    time_point since{};
    bool cancelled = false;
    bool failed = false; // there was no memory for what would cancel it

    /// After the wait: throws operation_aborted or std::bad_alloc if it has ended so.
    void check() const;

    using wait_hook::is_linked;
    using wait_hook::unlink;

    /// Ends the wait of a linked node: unlinks it and has it resumed. Cannot fail.
    void end() noexcept
    {
        unlink();
        resume_later();
    }
    /// The same for one that is in no queue.
    void resume_later() noexcept;

private:
    void called() override;
    void dropped() noexcept override;
};

class wait_queue
{
public:
    bool empty() const noexcept { return list_.empty(); }
    void push(waiting& node) noexcept
    {
        node.since = node.on->now();
        list_.push_back(node);
    }
    /// When the first of those that wait began to. There has to be one.
    time_point since() const noexcept { return list_.front().since; }

    /// Suspends the coroutine until it is woken. What it returns is awaited at once.
    auto wait(waiting& node, loop& on, tenant* of = nullptr)
    {
        node.on = &on;
        node.of = of;
        boost::asio::deferred_t token;
        return boost::asio::async_initiate<boost::asio::deferred_t, void()>(
            [](auto handler, wait_queue* queue, waiting* w) {
                w->failed = !assign_cancellation(handler, [w](boost::asio::cancellation_type) {
                    if (w->is_linked()) {
                        w->cancelled = true;
                        w->end();
                    }
                });
                w->resume = resumption{std::move(handler)};
                if (w->failed)
                    w->resume_later();
                else
                    queue->push(*w);
            },
            token, this, &node);
    }

    void wake_one() noexcept
    {
        if (!list_.empty())
            list_.front().end();
    }
    void wake_all() noexcept
    {
        while (!list_.empty())
            list_.front().end();
    }

    /// Destroys the waiting coroutines instead of waking them: only when the loop itself ends.
    void abandon() noexcept
    {
        while (!list_.empty()) {
            const resumption gone = std::move(list_.front().resume);
            list_.front().unlink();
        }
    }

private:
    boost::intrusive::list<waiting, boost::intrusive::base_hook<wait_hook>, boost::intrusive::constant_time_size<false>>
        list_;
};

} // namespace hawser::inline v0_1::detail

#endif
