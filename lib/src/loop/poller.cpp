// SPDX-License-Identifier: BSL-1.0
#include "loop/poller.hpp"

#include "values/scope_exit.hpp"
#include "values/system_call.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>

namespace hawser::inline v0_1::detail {
namespace {

// EPOLLRDHUP and EPOLLPRI tell that behind the last byte there is an end, or an urgent one.
constexpr std::uint32_t input_events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;

} // namespace

// Calls a function of the poller's, from the loop's queue.
struct poller::step {
    poller* on;
    operation_place* in;
    void (poller::*function)();
    using allocator_type = place_allocator<void>;
    allocator_type get_allocator() const noexcept { return allocator_type{*in}; }
    void operator()() const { (on->*function)(); }
    void operator()(const error_code&) const { (on->*function)(); }
};

poller::poller(boost::asio::io_context& on, while_empty w)
    : epoll_{::epoll_create1(EPOLL_CLOEXEC)}, while_empty_{w}, context_{on}
{
    if (!epoll_)
        throw_failed("epoll_create1", last_error());
    readiness_.emplace(on, epoll_.get());
}

error_code poller::add(int socket) noexcept
{
    const error_code e = register_for_input(socket);
    if (!e)
        expect();
    return e;
}

error_code poller::add_timer(int timer, entry& e) noexcept
{
    const error_code refused = register_for_input(timer);
    if (!refused)
        attach(timer, e);
    return refused;
}

error_code poller::register_for_input(int socket) noexcept
{
    epoll_event e{.events = input_events, .data = {.fd = socket}};
    if (const auto at = static_cast<std::size_t>(socket); at >= entries_.size()) {
        try {
            entries_.resize(std::max(at + 1, 2 * entries_.size()));
        } catch (const std::bad_alloc&) {
            return make_error_code(boost::system::errc::not_enough_memory);
        }
    }
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &e) != 0)
        return {errno, boost::system::system_category()};
    return {};
}

void poller::expect() noexcept
{
    ++expected_;
    if (!waits_)
        wait();
}

void poller::expect_no_more() noexcept
{
    if (--expected_ == 0 && while_empty_ == while_empty::rests && readiness_)
        readiness_->cancel();
}

void poller::forget(int socket) noexcept
{
    entries_[static_cast<std::size_t>(socket)] = nullptr;
    expect_no_more();
}

void poller::watch_output(int socket) noexcept
{
    epoll_event e{.events = input_events | EPOLLOUT, .data = {.fd = socket}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket, &e);
}

void poller::wait()
{
    waits_ = true;
    if (next_ != got_)
        boost::asio::post(context_, step{this, &waiting_place_, &poller::announced});
    else
        readiness_->async_wait(boost::asio::posix::descriptor_base::wait_read,
                               step{this, &waiting_place_, &poller::announced});
}

void poller::announced()
{
    waits_ = false;
    const scope_exit and_again{[this] { // also after an exception, which leaves the other events for the next turn
        if (readiness_ && !waits_ && (expected_ != 0 || while_empty_ == while_empty::waits))
            wait();
    }};
    look();
}

void poller::look()
{
    if (next_ == got_) {
        const int n = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), 0);
        next_ = 0;
        got_ = static_cast<std::size_t>(std::max(n, 0));
    }
    while (next_ != got_) {
        const epoll_event& e = events_[next_++];
        if (entry* const it = entries_[static_cast<std::size_t>(e.data.fd)])
            it->ready(e.events);
    }
}

void poller::call_later(entry& e) noexcept
{
    due_.push_back(e);
    post_due();
}

void poller::post_due()
{
    if (std::exchange(due_posted_, true))
        return;
    boost::asio::post(context_, step{this, &due_place_, &poller::run_due});
}

void poller::run_due()
{
    due_posted_ = false;
    entry_list now;
    now.swap(due_);
    const scope_exit rest{[this, &now] { // after an exception
        due_.splice(due_.begin(), now);
        if (!due_.empty())
            post_due();
    }};
    while (!now.empty()) {
        entry& e = now.front();
        now.pop_front();
        e.due();
    }
}

void poller::close() noexcept
{
    readiness_->release();
    readiness_.reset();
}

} // namespace hawser::inline v0_1::detail
