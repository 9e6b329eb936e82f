// SPDX-License-Identifier: BSL-1.0
#include "loop/calls.hpp"

#include "values/scope_exit.hpp"

#include <boost/asio/post.hpp>

namespace hawser::inline v0_1::detail {

struct call_queue::step {
    call_queue* of;
    using allocator_type = place_allocator<void>;
    allocator_type get_allocator() const noexcept { return allocator_type{of->place_}; }
    void operator()() const { of->run(); }
};

bool call_queue::ask(call& c) noexcept
{
    const std::lock_guard lock{mutex_};
    return push(c);
}

bool call_queue::ask(owned_call& c, std::shared_ptr<void> owner) noexcept
{
    const std::lock_guard lock{mutex_};
    if (!push(c))
        return false;
    c.owner_ = std::move(owner);
    return true;
}

// It runs, so posted_ is set, and the call is not linked.
bool call_queue::go_on(owned_call& c, std::shared_ptr<void> owner) noexcept
{
    const std::lock_guard lock{mutex_};
    if (!open_)
        return false;
    asked_.push_front(c);
    c.owner_ = std::move(owner);
    goes_on_ = true;
    return true;
}

bool call_queue::push(call& c) noexcept
{
    if (!open_ || c.is_linked())
        return open_;
    asked_.push_back(c);
    if (!std::exchange(posted_, true))
        boost::asio::post(context_, step{this});
    return true;
}

// No more than were asked for when it began: what they ask for in turn comes behind what others have posted.
void call_queue::run()
{
    const scope_exit and_again{[this] { // also after an exception
        const std::lock_guard lock{mutex_};
        posted_ = !asked_.empty();
        if (posted_)
            boost::asio::post(context_, step{this});
    }};
    std::unique_lock lock{mutex_};
    for (std::size_t left = pace_ == pace::batches ? asked_.size() : 1; left != 0 && !asked_.empty(); --left) {
        call& next = asked_.front();
        asked_.pop_front();
        std::shared_ptr<void> owner = next.take_owner();
        lock.unlock();
        next.called();
        owner.reset();
        lock.lock();
        if (std::exchange(goes_on_, false))
            return;
    }
}

void call_queue::close() noexcept
{
    std::unique_lock lock{mutex_};
    open_ = false;
    while (!asked_.empty()) {
        call& next = asked_.front();
        asked_.pop_front();
        std::shared_ptr<void> owner = next.take_owner();
        lock.unlock();
        next.dropped();
        owner.reset();
        lock.lock();
    }
}

} // namespace hawser::inline v0_1::detail
