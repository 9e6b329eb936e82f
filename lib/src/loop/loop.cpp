// SPDX-License-Identifier: BSL-1.0
#include "loop/loop.hpp"

#include "loop/descriptor_watch.hpp"
#include "loop/escaped_exceptions.hpp"
#include "loop/wait_queue.hpp"

#include <boost/asio/execution_context.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/steady_timer.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace hawser::inline v0_1::detail {
namespace {

// Finds the loop from a context, for code that knows only its executor.
class loop_service : public boost::asio::execution_context::service
{
public:
    using key_type = loop_service;
    static inline boost::asio::execution_context::id id;

    explicit loop_service(boost::asio::execution_context& context) : service{context} {}
    loop* owner = nullptr;
    std::shared_ptr<loop> kept; // in an io_context of the user's: handlers that wait there use it

private:
    void shutdown() override
    {
        if (kept)
            kept->shut_down();
    }
};

// How far the coarse clock usually is behind the one that wakes the loop, at most. Woken earlier than that after a
// deadline, a loop would find it not yet due, and be woken again at once, and again.
duration longest_lag() noexcept
{
    std::timespec resolution{};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
    return std::chrono::seconds{resolution.tv_sec} + std::chrono::nanoseconds{resolution.tv_nsec};
}

// A descriptor is used on its loop's thread alone, so Asio need not lock it for every operation (1 to 2% of a message).
// Its queue and its timers stay locked: other threads post, and may arm timers.
constexpr int one_thread_per_descriptor = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO;

// What only the io_context's own thread may do is tried again after this time where another thread came upon it.
constexpr auto try_again_after = std::chrono::milliseconds{10};

struct posted_flush {
    cork* of;
    using allocator_type = place_allocator<void>;
    allocator_type get_allocator() const noexcept { return allocator_type{of->place}; }
    void operator()() const
    {
        of->posted = false;
        of->flush();
    }
};

} // namespace

loop::loop(const clock& time, bool real_time, std::shared_ptr<descriptor_watch> watch)
    : lookups{std::make_unique<wait_queue>()}, descriptors{std::move(watch)}, clock_{time},
      real_time_{real_time}, timers_{time.now()}, blocks_{timers_, time},
      own_{std::make_unique<boost::asio::io_context>(one_thread_per_descriptor)}, context_{own_.get()}
{
    boost::asio::use_service<loop_service>(*context_).owner = this;
    // One that is driven by hand counts what is left to do.
    const auto pace = real_time ? call_queue::pace::batches : call_queue::pace::one_by_one;
    calls_.emplace(*context_, pace);
    sent_.emplace(*context_, pace);
    sockets_.emplace(*context_, real_time ? poller::while_empty::waits : poller::while_empty::rests);
    handshakes_.emplace(*sockets_);
    work_.emplace(context_->get_executor());
    if (real_time_)
        timer_.emplace(*sockets_, static_cast<wake_timer::wakes&>(*this));
}

loop::loop(boost::asio::io_context& yours, std::shared_ptr<descriptor_watch> watch)
    : lookups{std::make_unique<wait_queue>()}, descriptors{std::move(watch)}, clock_{coarse_clock()},
      real_time_{true}, timers_{clock_.now()}, blocks_{timers_, clock_}, yours_{true}, context_{&yours}
{
    calls_.emplace(yours, call_queue::pace::batches);
    sent_.emplace(yours, call_queue::pace::batches);
    sockets_.emplace(yours, poller::while_empty::rests);
    handshakes_.emplace(*sockets_);
    timer_.emplace(*sockets_, static_cast<wake_timer::wakes&>(*this));
}

loop::~loop()
{
    shut_down();
}

std::shared_ptr<loop> loop::around(boost::asio::io_context& yours)
{
    if (!boost::asio::has_service<loop_service>(yours)) {
        auto made = std::make_shared<loop>(yours, std::make_shared<descriptor_watch>());
        auto& service = boost::asio::use_service<loop_service>(yours); // after the timer's: it is shut down before that
        service.owner = made.get();
        service.kept = std::move(made);
    }
    auto& service = boost::asio::use_service<loop_service>(yours);
    if (!service.kept)
        throw std::logic_error{"this io_context is a hawser::runtime's own: expected one that is not"};
    return service.kept;
}

// The first thread that is seen is the one.
bool loop::on_its_thread() noexcept
{
    std::thread::id first{};
    if (its_thread_.compare_exchange_strong(first, std::this_thread::get_id()) || first == std::this_thread::get_id())
        return true;
    if (!second_thread_.exchange(true))
        post_fail(errc::second_thread);
    return false;
}

// Without touching the loop's own timer, for it is not this thread's.
void loop::again(void (*f)(loop&))
{
    const auto later = std::make_shared<boost::asio::steady_timer>(*context_, try_again_after);
    later->async_wait([self = shared_from_this(), later, f](const error_code& e) {
        if (!e)
            f(*self);
    });
}

void loop::post_flush() noexcept
{
    output_cork.posted = true;
    boost::asio::post(*context_, posted_flush{&output_cork});
}

void loop::post_fail(errc e)
{
    fail_with_ = e;
    ask(failing_);
}

// Whatever `f` ends. A reference to the next one keeps the place in the list.
template <class F>
void loop::for_each_connection(F&& f)
{
    boost::intrusive_ptr<tenant> place = connections.empty() ? nullptr : &connections.front();
    while (place) {
        const boost::intrusive_ptr<tenant> it = std::move(place);
        const auto next = std::next(connections.iterator_to(*it));
        place = next != connections.end() ? &*next : nullptr;
        f(*it);
    }
}

void loop::fail_all()
{
    if (yours_ && !on_its_thread())
        return again([](loop& l) { l.fail_all(); });
    for_each_connection([this](tenant& t) { t.break_off(error_code{fail_with_.load()}); });
}

void loop::set_timer() noexcept
{
    timer_at_ = timers_.next();
    if (!timer_)
        return;
    if (timer_at_ == time_point::max())
        return timer_->clear();
    const time_point precisely_now{std::chrono::steady_clock::now()};
    timer_->set(after(std::max(timer_at_, precisely_now), longest_lag()));
}

// A timer that waits keeps the user's io_context running.
void loop::rest() noexcept
{
    if (!timer_ || !timers_.empty())
        return;
    timer_at_ = time_point::max();
    timer_->clear();
}

void loop::tick()
{
    if (yours_ && !on_its_thread())
        return again([](loop& l) { l.tick(); });
    timers_.advance(now());
    if (real_time_)
        set_timer();
}

void loop::run()
{
    thread_id.store(::gettid());
    for (;;) {
        try {
            context_->run();
            return;
        } catch (...) {
            escaped(std::current_exception());
        }
    }
}

void loop::escaped(const std::exception_ptr& thrown) const noexcept
{
    const auto tell = [this](const char* what) {
        if (!escapes || !escapes->tell(what))
            std::fprintf(stderr, "hawser: an exception escaped to a loop, which goes on: %s\n", what);
    };
    try {
        std::rethrow_exception(thrown);
    } catch (const boost::asio::multiple_exceptions& several) { // from functions that one handler dispatched
        escaped(several.first_exception());
        tell("one or more that came with the one before, of which nothing more is known");
    } catch (const std::exception& e) {
        tell(e.what());
    } catch (...) {
        tell("something that is not a std::exception");
    }
}

std::size_t loop::poll()
{
    timers_.advance(now());
    context_->restart();
    return context_->poll();
}

void loop::stop() noexcept
{
    context_->stop();
}

void loop::guest::leave() noexcept
{
    if (of_ == nullptr)
        return;
    const std::lock_guard lock{of_->gate_};
    of_->guests_.erase(of_->guests_.iterator_to(*this));
    of_ = nullptr;
}

void loop::send_guests_away() noexcept
{
    while (!guests_.empty()) { // nobody enters any more
        guest& g = guests_.front();
        g.leave();
        g.loop_ends();
    }
}

void loop::shut_down() noexcept
{
    {
        const std::lock_guard lock{gate_};
        if (!open_)
            return;
        open_ = false;
    }
    send_guests_away();
    calls_->close();
    sent_->close();
    // Frames hold the sessions and the sessions hold the connections, so each is destroyed by what it waits in; only
    // what waits inside Hawser has to be taken out by hand.
    for_each_connection([](tenant& t) { t.abandon(); });
    lookups->abandon();
    timer_.reset();
    sockets_->close();
    work_.reset();
    own_.reset();
}

loop& loop_of(const boost::asio::execution_context& context)
{
    auto& mutable_context = const_cast<boost::asio::execution_context&>(context);
    if (!boost::asio::has_service<loop_service>(mutable_context))
        throw std::logic_error{"this executor is not that of a hawser::runtime"};
    return *boost::asio::use_service<loop_service>(mutable_context).owner;
}

} // namespace hawser::inline v0_1::detail
