// SPDX-License-Identifier: BSL-1.0

// What happens to a server, as it tells it: each session's end with its reason, pauses in accepting, the drain.
//
// Derive from observer to count, trace or alert; log_observer is the default.
#ifndef HAWSER_OBSERVER_HPP
#define HAWSER_OBSERVER_HPP

#include <hawser/connection.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/endpoint.hpp>
#include <hawser/error.hpp>
#include <hawser/time.hpp>
#include <hawser/tls.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::inline v0_1 {

/// Why a session ended.
enum class end_reason : std::uint8_t {
    completed, ///< its handler returned
    failed,    ///< an operation of the connection failed: session_end::error says how
    threw,     ///< its handler threw something else: session_end::what
    cut,       ///< it outlived the drain deadline, or the second signal
    refused,   ///< it never began: a limit, or no resources for it
    shed,      ///< closed to make room, between two units or before its first was whole, or in a handshake whose peer
               ///< kept others waiting (limits::shed)
};
HAWSER_EXPORT const char* to_string(end_reason reason) noexcept; ///< its name here

/// A session that has ended.
struct session_end {
    end_reason reason = end_reason::completed; ///< how it ended
    error_code error;                          ///< set for failed, refused and shed
    std::string what;                          ///< the exception's own words, for failed and threw
    endpoint peer;                             ///< the other side
    endpoint local;                            ///< this side
    duration age{};                            ///< from accept to end
    transfer_statistics statistics;            ///< what it carried
};

/// A session that the drain deadline met.
struct cut_session {
    endpoint peer;                              ///< the other side
    wait_kind waiting_for = wait_kind::nothing; ///< what it waited for
    duration age{};                             ///< since accept; zero also if its session had not begun
    bool abandoned = false;   ///< it ignored cancellation, or has never suspended: left behind with its loop
    bool blocks_loop = false; ///< it has never suspended
};

/// How a drain went.
struct HAWSER_EXPORT drain_report {
    std::size_t drained = 0;      ///< sessions that were open at the signal, or still queued, and ended by themselves
    std::vector<cut_session> cut; ///< those that had to be ended
    duration took{};              ///< from the signal to the end
    std::size_t datagrams = 0;    ///< handlers of datagrams that ran after the signal, and ended by themselves

    bool clean() const noexcept { return cut.empty(); } ///< whether all ended by themselves
    /// One line, and one more for each session that was cut.
    std::string to_string() const;
};

/// Receives a server's events. Called on whichever loop the event happened, so at the same time from several threads;
/// must not throw and should not block. Lives as long as the server and its sessions (the server shares it).
class HAWSER_EXPORT observer
{
public:
    virtual ~observer() = default;

    virtual void session_ended(const session_end&) noexcept {} ///< a session's end
    /// accept fails, for want of descriptors or memory or in another way that may pass: accepting rests, and goes on by
    /// itself.
    virtual void accept_paused(const endpoint& /*listener*/, const error_code&) noexcept {}
    /// A listener is beyond repair (EBADF, EINVAL, ENOTSOCK) and closes; said once. Others go on.
    virtual void listener_failed(const endpoint& /*listener*/, const error_code&) noexcept {}
    /// The last listener has failed before a drain began: nobody can connect any more. Sessions go on; run() drains.
    virtual void listeners_lost() noexcept {}
    /// What listens on every interface can be reached over IPv4 alone: none has an IPv6 address. From server::listen().
    virtual void ipv6_left_out(const endpoint& /*listener*/) noexcept {}
    /// A handler has kept its loop for `held` without suspending; said once a session, or datagram, which is not
    /// destroyed before this returns.
    virtual void loop_blocked(const endpoint& /*peer*/, duration /*held*/) noexcept {}
    /// Something that is no session's threw on a loop of the server's runtime: a function that was posted to its
    /// executor, a completion handler. `what`: the exception's own words. The loop goes on. Each server of the runtime
    /// tells it; without one, it is written to standard error. Of several functions that one handler dispatched to its
    /// own loop, and that throw, Asio keeps the first one's exception alone: that there were more is told as one more.
    /// (What poll() runs, and an io_context of the user's, throws to whoever runs it.)
    virtual void exception_escaped(std::string_view /*what*/) noexcept {}
    /// The handler of a datagram threw, or was cut; those that returned are counted alone.
    virtual void datagram_failed(const session_end&) noexcept {}
    /// server::reload_tls() has loaded `listeners` configurations anew.
    virtual void tls_reloaded(std::size_t /*listeners*/) noexcept {}
    /// It has not: one cannot be used, and every listener keeps what it had.
    virtual void tls_reload_failed(const tls_error&) noexcept {}
    /// The drain begins; `cause` is "SIGTERM", "SIGINT", "drain", or "lost" when every listener has failed.
    virtual void drain_started(std::string_view /*cause*/, std::size_t /*connections*/) noexcept {}
    /// The drain has ended.
    virtual void drain_ended(const drain_report&) noexcept {}
};

/// The default observer: counts normal ends and writes the others as lines, each reason at most once a second, with the
/// number left out in between.
class HAWSER_EXPORT log_observer : public observer
{
public:
    using sink = std::function<void(std::string_view line)>; ///< takes a line

    /// Lines go to `write`, without a newline at their end; by default to standard error.
    /// `write` is called from any loop, under a lock of the observer's own.
    explicit log_observer(sink write = {});

    void session_ended(const session_end&) noexcept override;
    void accept_paused(const endpoint&, const error_code&) noexcept override;
    void listener_failed(const endpoint&, const error_code&) noexcept override;
    void listeners_lost() noexcept override;
    void ipv6_left_out(const endpoint&) noexcept override;
    void loop_blocked(const endpoint&, duration) noexcept override;
    void exception_escaped(std::string_view) noexcept override;
    void datagram_failed(const session_end&) noexcept override;
    void tls_reloaded(std::size_t) noexcept override;
    void tls_reload_failed(const tls_error&) noexcept override;
    void drain_started(std::string_view, std::size_t) noexcept override;
    void drain_ended(const drain_report&) noexcept override;

    /// Sessions that ended normally.
    std::uint64_t completed() const noexcept { return completed_.load(std::memory_order_relaxed); }

private:
    struct reason_gate {
        std::string reason;
        time_point next{};
        std::uint64_t left_out = 0;
    };
    void line(std::string_view reason, const std::string& text) noexcept;

    sink write_;
    std::mutex mutex_;
    std::vector<reason_gate> gates_; // one for each reason that has occurred
    std::atomic<std::uint64_t> completed_{0};
};

} // namespace hawser::inline v0_1

#endif
