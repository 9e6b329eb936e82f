// SPDX-License-Identifier: BSL-1.0

// One loop: a single-threaded io_context with what its connections share: clock, deadlines, buffers, cork, counters.
//
// Everything is used from the loop's own thread, but for post(), the counters and what says so.
//
// The io_context may be one of the user's. The loop then lives as long as that, whatever becomes of its runtime:
// operations that are under way there use its memory. It holds no work there beyond what waits.
#ifndef HAWSER_SRC_LOOP_LOOP_HPP
#define HAWSER_SRC_LOOP_LOOP_HPP

#include "loop/blocks.hpp"
#include "loop/calls.hpp"
#include "loop/cork.hpp"
#include "loop/handshakes.hpp"
#include "loop/poller.hpp"
#include "loop/tenant.hpp"
#include "loop/wake_timer.hpp"
#include "loop/wheel.hpp"

#include <hawser/error.hpp>
#include <hawser/time.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/intrusive/list.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace hawser::inline v0_1::detail {

/// A count that its loop's thread alone changes and any thread may read: no locked instruction.
class counter
{
public:
    void add(std::uint64_t n) noexcept
    {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t read() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

class loop final : public std::enable_shared_from_this<loop>, public caller, private wake_timer::wakes
{
public:
    using executor_type = boost::asio::io_context::executor_type;

    /// `real_time`: deadlines are driven by a timer of the system's; otherwise only by tick().
    loop(const clock& time, bool real_time, std::shared_ptr<class descriptor_watch> watch);
    /// In an io_context of the user's: see around().
    loop(boost::asio::io_context& yours, std::shared_ptr<class descriptor_watch> watch);
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;
    ~loop();

    /// The loop of an io_context of the user's, made when it is asked for first. Throws std::logic_error if the
    /// io_context is a runtime's own.
    static std::shared_ptr<loop> around(boost::asio::io_context& yours);

    /// Whether the calling thread may go on: false on a second thread in an io_context of the user's, and on each once
    /// there was a second one. Every connection is then cut with errc::second_thread. From any thread.
    bool alone() noexcept { return !yours_ || (on_its_thread() && !second_thread_.load(std::memory_order_relaxed)); }

    /// What uses the io_context and may live longer than the loop. It is told before the io_context ends, or leaves
    /// before that.
    class guest : public boost::intrusive::list_base_hook<>
    {
    public:
        guest() = default;
        guest(const guest&) = delete;
        guest& operator=(const guest&) = delete;
        virtual ~guest() = default;

    protected:
        /// From any thread, but not while the loop is being ended by another one.
        void leave() noexcept;

    private:
        friend class loop;
        virtual void loop_ends() noexcept = 0;
        loop* of_ = nullptr;
    };

    /// Calls `f`, which may use the io_context, and remembers the guest; false: the loop has ended. From any thread.
    template <class F>
    bool enter(guest& g, F&& f)
    {
        const std::lock_guard lock{gate_};
        if (!open_)
            return false;
        f();
        guests_.push_back(g);
        g.of_ = this;
        return true;
    }

    boost::asio::io_context& context() noexcept { return *context_; }
    executor_type executor() noexcept { return context_->get_executor(); }
    time_point now() const noexcept override { return clock_.now(); }

    /// It ends, or has ended: what is destroyed now is told to nobody. From any thread.
    bool has_ended() noexcept
    {
        const std::lock_guard lock{gate_};
        return !open_;
    }

    /// Runs `f` on this loop, unless the loop has ended. From any thread.
    template <class F>
    void post(F&& f)
    {
        const std::lock_guard lock{gate_};
        if (open_)
            boost::asio::post(*context_, std::forward<F>(f));
    }

    /// Calls `c` from this loop's queue; false: the loop has ended. From any thread.
    bool ask(call& c) noexcept override { return calls_->ask(c); }
    bool ask(owned_call& c, std::shared_ptr<void> owner) noexcept { return calls_->ask(c, std::move(owner)); }

    /// The same for what sessions are sent from elsewhere, in a queue of its own: it keeps its order, however long one
    /// of them goes on, and nothing else waits for it.
    bool deliver(owned_call& c, std::shared_ptr<void> owner) noexcept { return sent_->ask(c, std::move(owner)); }
    bool go_on_delivering(owned_call& c, std::shared_ptr<void> owner) noexcept
    {
        return sent_->go_on(c, std::move(owner));
    }

    /// Sees to it that `e` is looked at by `at`.
    void arm(wheel::entry& e, time_point at) noexcept
    {
        timers_.arm(e, at);
        if (real_time_ && at < timer_at_)
            set_timer();
    }
    void cancel(wheel::entry& e) noexcept
    {
        const bool may_be_last = yours_ && e.linked_at() != time_point::max();
        timers_.cancel(e);
        if (may_be_last)
            rest();
    }

    /// Looks at every deadline that has passed.
    void tick();

    /// Runs until stop(). An exception that escapes a handler is told to `escapes`, or written to standard error if
    /// nobody listens there, and the loop goes on.
    void run();
    void stop() noexcept;

    /// Looks at the deadlines and runs what is ready, on the calling thread. Returns how many handlers ran.
    std::size_t poll();

    /// Fails every connection, on the loop's thread, as soon as that runs. From any thread.
    void post_fail(errc e);

    /// Ends the loop: destroys every suspended coroutine, then the context. Not from a handler of it.
    void shut_down() noexcept;

    wheel& timers() noexcept { return timers_; }
    block_pool& blocks() noexcept { return blocks_; }
    poller& sockets() noexcept { return *sockets_; }
    handshake_turns& handshakes() noexcept { return *handshakes_; }
    cork output_cork;
    /// Sees to it that the cork is sent, once for each turn of the loop in which something is gathered: at the end of
    /// the reader's turn that runs now, or else from the loop's queue.
    void flush_soon() noexcept
    {
        if (!output_cork.posted && !in_readers_turn_)
            post_flush();
    }

    /// While a reader runs. Most that write then wait for their next input, which has the cork sent: it is sent at the
    /// end of the turn if it is not by then, and nothing is queued for it. Not where the loop may be run anew within
    /// the turn, in an io_context of the user's or by poll(): that must find something to do.
    class readers_turn
    {
    public:
        explicit readers_turn(loop& l) noexcept
            : loop_{l}, before_{std::exchange(l.in_readers_turn_, l.real_time_ && !l.yours_)}
        {}
        readers_turn(const readers_turn&) = delete;
        readers_turn& operator=(const readers_turn&) = delete;
        ~readers_turn()
        {
            loop_.in_readers_turn_ = before_;
            if (loop_.output_cork.owner != nullptr && !loop_.output_cork.posted)
                loop_.output_cork.flush();
        }

    private:
        loop& loop_;
        const bool before_;
    };
    std::string frame_scratch; // where a frame's pieces come together, on their way to the cork
    tenant_list connections;
    std::unique_ptr<class wait_queue> lookups;           // of coroutines that wait for no connection: name look-ups
    std::shared_ptr<class descriptor_watch> descriptors; // shared by a runtime's loops
    std::shared_ptr<class escaped_exceptions> escapes;   // too; null in an io_context of the user's

    struct counters {
        counter bytes_in, bytes_out, frames_in, frames_out;
    } counts;

    std::atomic<std::size_t> assigned{0}; // connections handed to this loop and not yet ended; any thread

    /// Whose handler runs now, for the watchdog, with a number that changes at each resumption. A datagram's handler is
    /// marked from its beginning to where it first suspends.
    class running_mark
    {
    public:
        running_mark(loop& l, const runner* r) noexcept : loop_{l}, before_{l.running_.load(std::memory_order_relaxed)}
        {
            loop_.turns_.store(loop_.turns_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
            loop_.running_.store(r, std::memory_order_release);
        }
        running_mark(const running_mark&) = delete;
        running_mark& operator=(const running_mark&) = delete;
        ~running_mark() { loop_.running_.store(before_, std::memory_order_release); }

    private:
        loop& loop_;
        const runner* before_;
    };
    const runner* running() const noexcept { return running_.load(std::memory_order_acquire); }
    std::uint64_t turns() const noexcept { return turns_.load(std::memory_order_relaxed); }

    /// Held while a connection, its session or a datagram is destroyed, and by other threads while they look at those
    /// that run.
    std::mutex lifetime;

    std::atomic<int> thread_id{0};      // the kernel's, while run() runs
    std::atomic<bool> abandoned{false}; // a session that ignored its end lives here: the context is never destroyed
    std::atomic<bool> blocked{false};   // a handler that never suspends runs here: the thread is never joined
    std::atomic<bool> wrapped{false};   // a runtime wraps the user's io_context now

private:
    friend class running_mark;
    void post_flush() noexcept;
    void set_timer() noexcept;
    void woken() override { tick(); }
    void rest() noexcept;
    void send_guests_away() noexcept;
    bool on_its_thread() noexcept;
    void again(void (*f)(loop&));
    void fail_all();
    template <class F>
    void for_each_connection(F&& f);

    class failing final : public call
    {
    public:
        explicit failing(loop& l) noexcept : of_{l} {}

    private:
        void called() override { of_.fail_all(); }
        loop& of_;
    };
    void escaped(const std::exception_ptr& thrown) const noexcept;

    const clock& clock_;
    const bool real_time_;
    wheel timers_;
    block_pool blocks_;
    std::mutex gate_;
    bool open_ = true;
    boost::intrusive::list<guest> guests_; // under gate_
    std::atomic<const runner*> running_{nullptr};
    std::atomic<std::uint64_t> turns_{0};
    time_point timer_at_ = time_point::max();
    const bool yours_ = false; // the user's io_context
    bool in_readers_turn_ = false;
    std::atomic<std::thread::id> its_thread_{}; // that was seen first to run it
    std::atomic<bool> second_thread_{false};
    std::atomic<errc> fail_with_{};
    failing failing_{*this};          // asks for fail_all()
    std::optional<call_queue> calls_; // these three outlive the context, whose operations lie in them
    std::optional<call_queue> sent_;
    std::optional<poller> sockets_;
    std::optional<handshake_turns> handshakes_;
    std::unique_ptr<boost::asio::io_context> own_;
    boost::asio::io_context* context_;
    std::optional<boost::asio::executor_work_guard<executor_type>> work_;
    std::optional<wake_timer> timer_;
};

/// The loop that an executor belongs to. Throws std::logic_error if it is none of Hawser's.
loop& loop_of(const boost::asio::execution_context& context);
inline loop& loop_of(const boost::asio::any_io_executor& executor)
{
    return loop_of(boost::asio::query(executor, boost::asio::execution::context));
}

} // namespace hawser::inline v0_1::detail

#endif
