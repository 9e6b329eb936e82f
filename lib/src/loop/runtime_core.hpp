// SPDX-License-Identifier: BSL-1.0

// The inside of a runtime: its loops, their threads, and one more loop for what must not wait behind handlers.
//
// The control loop runs signals, drain deadlines and the watchdog; no handler of a user's runs there.
#ifndef HAWSER_SRC_LOOP_RUNTIME_CORE_HPP
#define HAWSER_SRC_LOOP_RUNTIME_CORE_HPP

#include "loop/descriptor_watch.hpp"
#include "loop/escaped_exceptions.hpp"
#include "loop/loop.hpp"
#include "loop/operation_place.hpp"
#include "loop/watchdog.hpp"

#include <hawser/runtime.hpp>

#include <csignal>
#include <memory>
#include <thread>
#include <vector>

namespace hawser::inline v0_1::detail {

class runtime_core
{
public:
    explicit runtime_core(const runtime_options& options);
    /// Around an io_context of the user's: one loop, which is the control loop too, and no thread.
    explicit runtime_core(boost::asio::io_context& yours);
    runtime_core(const runtime_core&) = delete;
    runtime_core& operator=(const runtime_core&) = delete;
    ~runtime_core();

    void start();

    /// Joins the threads and destroys what is suspended on the loops. What lives there may hold this object, so its
    /// destruction cannot be left to the last of them.
    void end() noexcept;
    std::size_t poll();

    const std::vector<std::shared_ptr<loop>>& loops() const noexcept { return loops_; }
    loop& first() const noexcept { return *loops_.front(); }
    loop& control() const noexcept { return *control_; }
    /// For run()'s wait for a signal, which may outlive it if it throws.
    operation_place& place_of_signals() noexcept { return place_of_signals_; }
    escaped_exceptions& escapes() const noexcept { return *escapes_; }

    /// Throws std::logic_error if the io_context is the user's: `what` is for others.
    void refuse_if_wrapped(const char* what) const;

private:
    const bool real_time_;
    const bool wraps_ = false;
    operation_place place_of_signals_; // outlives the control loop's context
    const std::shared_ptr<escaped_exceptions> escapes_ = std::make_shared<escaped_exceptions>();
    std::vector<std::shared_ptr<loop>> loops_;
    std::shared_ptr<loop> control_;
    watchdog watchdog_;
    std::vector<std::thread> threads_; // of the loops, then of control; empty until started
};

/// The inside of a runtime, for Hawser's own parts.
struct runtime_access {
    static runtime_core& get(const runtime& r) noexcept { return *r.core_; }
    static const std::shared_ptr<runtime_core>& shared(const runtime& r) noexcept { return r.core_; }
};

/// Leaves SIGINT and SIGTERM to the loops while this thread waits. It need not, but that ThreadSanitizer keeps a signal
/// that comes just before a wait for a condition until that wait has ended.
class signals_left_to_loops
{
public:
    signals_left_to_loops()
    {
        sigset_t ours;
        ::sigemptyset(&ours);
        ::sigaddset(&ours, SIGINT);
        ::sigaddset(&ours, SIGTERM);
        ::pthread_sigmask(SIG_BLOCK, &ours, &before_);
    }
    signals_left_to_loops(const signals_left_to_loops&) = delete;
    signals_left_to_loops& operator=(const signals_left_to_loops&) = delete;
    ~signals_left_to_loops() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

} // namespace hawser::inline v0_1::detail

#endif
