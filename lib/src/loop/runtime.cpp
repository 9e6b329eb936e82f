// SPDX-License-Identifier: BSL-1.0
#include <hawser/runtime.hpp>

#include "loop/runtime_core.hpp"
#include "values/system_call.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>

#include <sched.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <string>

namespace hawser::inline v0_1 {
namespace detail {
namespace {

unsigned usable_processors() noexcept
{
    cpu_set_t set;
    if (::sched_getaffinity(0, sizeof set, &set) == 0)
        if (const int n = CPU_COUNT(&set); n > 0)
            return static_cast<unsigned>(n);
    return 1;
}

// Asio goes on without them, on pipes and with a timeout in each wait. A process that is refused one at its start has
// no descriptors or memory to serve with.
void require(int descriptor, const char* call)
{
    if (descriptor < 0)
        throw_failed(call, last_error());
    ::close(descriptor);
}

std::vector<std::shared_ptr<loop>> make_loops(unsigned n, const clock& time, bool real_time)
{
    if (real_time) {
        require(::eventfd(0, EFD_CLOEXEC), "eventfd");
        require(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd_create");
    }
    const auto watch = std::make_shared<descriptor_watch>();
    std::vector<std::shared_ptr<loop>> all;
    for (unsigned i = 0; i < n; ++i)
        all.push_back(std::make_shared<loop>(time, real_time, watch));
    return all;
}

// Loops on which a session lives that could not be ended. They are kept for good: its coroutine may still use them.
void leak(std::shared_ptr<loop> l)
{
    static auto* const kept = new std::vector<std::shared_ptr<loop>>;
    kept->push_back(std::move(l));
}

const clock& clock_of(const runtime_options& options) noexcept
{
    return options.time == nullptr ? coarse_clock() : *options.time;
}

// A loop whose handler never suspends is left to itself: there is nothing to wait for.
void end_threads(const std::vector<std::shared_ptr<loop>>& loops, loop& control,
                 std::vector<std::thread>& threads) noexcept
{
    for (const auto& l : loops)
        l->stop();
    control.stop();
    for (std::size_t i = 0; i < threads.size(); ++i) {
        if (i < loops.size() && loops[i]->blocked)
            threads[i].detach();
        else
            threads[i].join();
    }
    threads.clear();
}

} // namespace

runtime_core::runtime_core(const runtime_options& options)
    : real_time_{options.time == nullptr}, loops_{make_loops(options.loops != 0 ? options.loops : usable_processors(),
                                                             clock_of(options), real_time_)},
      control_{make_loops(1, clock_of(options), real_time_).front()}, watchdog_{*control_, loops_,
                                                                                options.blocked_after}
{
    if (options.blocked_after <= duration::zero())
        throw std::invalid_argument{"runtime_options.blocked_after: expected a time above zero, got " +
                                    std::to_string(options.blocked_after.count()) + " ns"};
    for (const auto& l : loops_)
        l->escapes = escapes_;
    control_->escapes = escapes_;
}

runtime_core::runtime_core(boost::asio::io_context& yours)
    : real_time_{true}, wraps_{true}, loops_{loop::around(yours)}, control_{loops_.front()}, watchdog_{*control_,
                                                                                                       loops_, never}
{
    if (first().wrapped.exchange(true))
        throw std::logic_error{"another hawser::runtime wraps this io_context: expected one"};
}

void runtime_core::refuse_if_wrapped(const char* what) const
{
    if (wraps_)
        throw std::logic_error{std::string{what} + ": this runtime wraps an io_context, which its owner runs"};
}

void runtime_core::start()
{
    refuse_if_wrapped("runtime::start");
    if (!real_time_)
        throw std::logic_error{"a runtime with a clock of its own is driven by poll(), not by threads"};
    if (!threads_.empty())
        return;
    watchdog_.start();
    threads_.reserve(loops_.size() + 1);
    try {
        for (const auto& l : loops_)
            threads_.emplace_back([l] { l->run(); });
        threads_.emplace_back([l = control_] { l->run(); });
    } catch (...) { // the kernel gives no more; what the caller is about to destroy may be in use on those that run
        end_threads(loops_, *control_, threads_);
        throw;
    }
}

std::size_t runtime_core::poll()
{
    refuse_if_wrapped("runtime::poll");
    std::size_t all = 0;
    for (std::size_t ran = 1; ran != 0; all += ran) {
        ran = control_->poll();
        for (const auto& l : loops_)
            ran += l->poll();
    }
    return all;
}

runtime_core::~runtime_core() = default;

void runtime_core::end() noexcept
{
    if (wraps_) {
        first().wrapped = false;
        return first().post_fail(errc::connection_closed);
    }
    end_threads(loops_, *control_, threads_);
    for (const auto& l : loops_) {
        if (l->abandoned || l->blocked)
            leak(l);
        else
            l->shut_down();
    }
    control_->shut_down();
}

void run_to_end(runtime& r, awaitable<void> work)
{
    runtime_access::get(r).refuse_if_wrapped("run");
    struct {
        std::mutex mutex;
        std::condition_variable told;
        bool done = false;
        std::exception_ptr error;
    } end;
    r.spawn(std::move(work), [&](std::exception_ptr e) {
        // From a later handler, when the coroutine has let go of its exception; then it changes hands, and this thread
        // keeps no share in it. (std::promise would.)
        runtime_access::get(r).first().post([&end, e = std::move(e)]() mutable {
            const std::lock_guard lock{end.mutex};
            end.error = std::move(e);
            end.done = true;
            end.told.notify_one();
        });
    });
    r.start();
    const signals_left_to_loops from_here;
    std::unique_lock lock{end.mutex};
    end.told.wait(lock, [&] { return end.done; });
    if (end.error != nullptr)
        std::rethrow_exception(std::move(end.error));
}

} // namespace detail

runtime::runtime(const runtime_options& options) : core_{std::make_shared<detail::runtime_core>(options)} {}

runtime::runtime(boost::asio::io_context& yours) : core_{std::make_shared<detail::runtime_core>(yours)} {}

runtime::~runtime()
{
    core_->end();
}

unsigned runtime::loops() const noexcept
{
    return static_cast<unsigned>(core_->loops().size());
}

void runtime::start()
{
    core_->start();
}

std::size_t runtime::poll()
{
    return core_->poll();
}

boost::asio::any_io_executor runtime::executor(unsigned index) const
{
    return core_->loops().at(index)->executor();
}

void runtime::spawn(awaitable<void> work, std::function<void(std::exception_ptr)> done)
{
    detail::loop& l = core_->first();
    l.post([&l, w = std::move(work), d = std::move(done)]() mutable {
        boost::asio::co_spawn(boost::asio::any_io_executor{l.executor()}, std::move(w), std::move(d));
    });
}

} // namespace hawser::inline v0_1
