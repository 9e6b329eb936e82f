// The end of a server: it asks, waits, cuts, and says what came of it.
//
//     begin --> listeners take what is queued and close; sessions are asked to end
//           --> all have ended ------------------------------> report
//           `-> deadline, or cut_now(): each loop acknowledges it, then resets and cancels its sessions, in slices
//                                          --> all have ended, and each loop has answered ------> report
//                                          `-> none has ended for 100 ms: the rest is abandoned --> report
//
// Everything happens on the control loop, where no handler can be in the way; begin() and cut_now() come from any
// thread. A loop that neither acknowledges nor turns, though it has a processor, has a handler that never suspends.
#ifndef HAWSER_SRC_DRAIN_HPP
#define HAWSER_SRC_DRAIN_HPP

#include "loop_standstill.hpp"
#include "wheel.hpp"

#include <hawser/awaitable.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/observer.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace hawser::detail {

class core;
class loop;
class server_core;

class drain final : private wheel::entry
{
public:
    explicit drain(server_core& s) noexcept : server_{s} {}
    ~drain() override;

    HAWSER_EXPORT_DETAIL void begin(std::string cause);
    void cut_now();

    bool begun() const noexcept { return begun_.load(); }

    /// A session or a listener has ended: from any thread.
    void something_ended() noexcept;

    /// A session is cut: the place of it in the report. From its loop.
    std::size_t note_cut(const core& c);
    /// The same for the handler of a datagram.
    std::size_t note_cut(cut_session c);
    /// And then it has ended after all.
    void note_ended(std::size_t place) noexcept;

    /// Blocks until the report is there.
    drain_report wait();
    std::optional<drain_report> report() const;

    /// Calls `f` once the report is there, from any thread; false: it is there already.
    bool tell(std::function<void()> f);

private:
    enum class step : std::uint8_t { waiting, draining, cutting, done };

    // A loop whose sessions are cut.
    struct cut_loop {
        bool all_cut = false; // to the last one, as it has answered
        loop_standstill standstill;
    };

    void start(const std::string& cause);
    void check();
    void cut();
    void check_cut();
    static void cut_some(const std::shared_ptr<server_core>& s, std::size_t index, boost::intrusive_ptr<core> place);
    void note_all_cut(std::size_t index);
    bool sessions_run() const;
    void finish();
    std::uint64_t ended() const noexcept;
    time_point look(time_point now) override;

    server_core& server_; // owns this
    std::atomic<bool> begun_{false};
    step step_ = step::waiting; // on the control loop
    time_point begun_at_{};
    time_point due_ = time_point::max();
    time_point cut_at_{};
    time_point moved_at_{};       // since the cut: when a loop last answered, or a session last ended
    std::vector<cut_loop> loops_; // in the runtime's order, once they are told
    std::uint64_t ended_before_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable reported_;
    drain_report report_;
    std::vector<std::function<void()>> told_;
    bool done_ = false;
};

/// server::drained().
awaitable<drain_report> drained(std::shared_ptr<server_core> s);

} // namespace hawser::detail

#endif
