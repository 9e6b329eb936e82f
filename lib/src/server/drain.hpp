// SPDX-License-Identifier: BSL-1.0

// The end of a server: it asks, waits, cuts, and says what came of it.
//
//     begin --> listeners take what is queued and close; sessions are asked to end
//           --> all have ended ------------------------------> report
//           `-> deadline, or cut_now(): each loop acknowledges it, then resets and cancels its sessions, in slices
//                                          --> all have ended, and each loop has answered ------> report
//                                          `-> nothing has ended or answered for 100 ms, or 5 s are over: the rest is
//                                              abandoned --> report
//
// It decides on the control loop, where no handler can be in the way (but in an io_context of the user's); begin() and
// cut_now() come from any thread. A loop that neither acknowledges nor turns, though it has a processor, has a handler
// that never suspends.
#ifndef HAWSER_SRC_SERVER_DRAIN_HPP
#define HAWSER_SRC_SERVER_DRAIN_HPP

#include "loop/calls.hpp"
#include "loop/standstill.hpp"
#include "loop/wheel.hpp"
#include "server/drain_record.hpp"
#include "server/session_list.hpp"

#include <hawser/awaitable.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/observer.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace hawser::inline v0_1::detail {

class ledger;
class loop;

/// What a drain asks of its server, beside what stands in the ledger. On the control loop.
class drained_server
{
public:
    // Neither can fail.
    virtual void drain_listeners() noexcept = 0;
    virtual void cut_listeners() noexcept = 0;
    virtual std::size_t open_listeners() const noexcept = 0;
    /// It has begun, for that cause, with so many connections. Throws std::bad_alloc, and is told again then.
    virtual void drain_started(const char* cause, std::size_t connections) = 0;

protected:
    ~drained_server() = default;
};

class drain final : private wheel::entry, private owned_call
{
public:
    /// Both own it, and outlive it.
    drain(ledger& l, drained_server& s);
    ~drain() override;

    /// Of those who call it, the first gives the cause: a string literal.
    HAWSER_EXPORT_DETAIL void begin(const char* cause) noexcept;
    void cut_now() noexcept;

    /// A session or a listener has ended: from any thread.
    void something_ended() noexcept;

    /// Blocks until the report is there.
    drain_report wait();
    std::optional<drain_report> report() const;

    /// Calls `f` once the report is there, from any thread; false: it is there already.
    bool tell(std::function<void()> f);

private:
    enum class step : std::uint8_t { waiting, draining, cutting, done };

    // What it asks of one of the runtime's loops.
    class on_loop final : public owned_call
    {
    public:
        on_loop(drain& of, loop& on) noexcept : of_{of}, on_{on} {}

        void ask(step what) noexcept;

        loop& on() const noexcept { return on_; }
        /// Its sessions are cut, to the last one. From any thread.
        bool all_cut() const noexcept { return all_cut_.load(); }
        std::optional<loop_standstill> standstill; // since the cut; on the control loop

    private:
        // Behind what was sent to the loop's sessions from elsewhere: a goodbye, for one, reaches them all.
        class beginning final : public owned_call
        {
        public:
            explicit beginning(on_loop& of) noexcept : of_{of} {}

        private:
            void called() override { of_.ask(); }
            on_loop& of_;
        };

        void ask() noexcept;
        void called() override;
        void dropped() noexcept override { place_.leave(); }
        void begin_drain() noexcept;
        void cut_some() noexcept;

        drain& of_;
        loop& on_;
        beginning beginning_{*this};
        std::atomic<step> asked_{step::waiting};
        step done_ = step::waiting;
        session_list::cursor place_; // the next one to be cut
        std::atomic<bool> all_cut_{false};
    };

    enum class request : std::uint8_t { start = 1, cut = 2, check = 4, look = 8 };

    void ask(unsigned requests) noexcept;
    void ask(request what) noexcept { ask(static_cast<unsigned>(what)); }
    void called() override;
    void carry_out(unsigned requests);
    void start();
    void tell_start();
    void check();
    void cut();
    void check_cut();
    bool sessions_run() const;
    void finish();
    std::uint64_t ended() const noexcept;
    time_point on_due(time_point now) override;

    ledger& ledger_;
    drained_server& server_;
    drain_record& record_;        // the ledger's
    const char* cause_ = nullptr; // set before the start is asked for
    std::atomic<unsigned> requests_{0};
    std::deque<on_loop> loops_; // in the runtime's order
    step step_ = step::waiting; // on the control loop
    time_point begun_at_{};
    time_point due_ = time_point::max();
    time_point cut_at_{};
    time_point moved_at_{}; // since the cut: when a loop last answered, or a session last ended
    bool start_told_ = false;
    bool cut_wanted_ = false;
    unsigned failed_requests_ = 0; // for want of memory: asked again by on_due()
    std::uint64_t ended_before_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable reported_;
    std::vector<std::function<void()>> told_;
    std::optional<drain_report> report_;
};

/// server::drained().
awaitable<drain_report> drained(std::shared_ptr<drain> of);

} // namespace hawser::inline v0_1::detail

#endif
