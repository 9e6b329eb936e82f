// Coroutines that wait for something inside Hawser: first come, first served.
//
//     waiting node;                       in the coroutine's own frame: nothing is allocated
//     co_await queue.wait(node, loop);
//     if (node.cancelled) ...
//
// A wait is ended by wake_one() or wake_all(), always through the loop's queue and never on the caller's stack, or by
// the coroutine's own cancellation. Not thread safe: everything happens on the loop.
#ifndef HAWSER_SRC_WAIT_QUEUE_HPP
#define HAWSER_SRC_WAIT_QUEUE_HPP

#include "loop.hpp"
#include "resumption.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/intrusive/list.hpp>

namespace hawser::detail {

struct waiting : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    loop* on = nullptr;
    core* of = nullptr; // whose handler goes on then; null if that is not known
    resumption resume;
    time_point since{};
    bool cancelled = false;

    /// Ends the wait of a linked node: unlinks it and posts its resumption.
    void end();
};

class wait_queue
{
public:
    bool empty() const noexcept { return list_.empty(); }
    void push(waiting& node)
    {
        node.since = node.on->now();
        list_.push_back(node);
    }
    /// When the first of those that wait began to. There has to be one.
    time_point since() const noexcept { return list_.front().since; }

    /// Suspends the coroutine until it is woken. What it returns is awaited at once.
    auto wait(waiting& node, loop& on, core* of = nullptr)
    {
        node.on = &on;
        node.of = of;
        boost::asio::deferred_t token;
        return boost::asio::async_initiate<boost::asio::deferred_t, void()>(
            [](auto handler, wait_queue* queue, waiting* w) {
                if (auto slot = boost::asio::get_associated_cancellation_slot(handler); slot.is_connected())
                    slot.assign([w](boost::asio::cancellation_type) {
                        if (w->is_linked()) {
                            w->cancelled = true;
                            w->end();
                        }
                    });
                w->resume = resumption{std::move(handler)};
                queue->push(*w);
            },
            token, this, &node);
    }

    void wake_one()
    {
        if (!list_.empty())
            list_.front().end();
    }
    void wake_all()
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
    boost::intrusive::list<waiting, boost::intrusive::constant_time_size<false>> list_;
};

} // namespace hawser::detail

#endif
