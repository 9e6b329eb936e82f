// SPDX-License-Identifier: BSL-1.0

// How a connection ends, and who is told.
//
//          begin_drain           begin_close            all sent                     peer's end, silence
//     open ----------> draining ------------> flushing ----------> lingering -----------------------------> closed
//                                              | |  torn           (the FIN is sent)                           ^
//                                              | `----------> acknowledging --- the peer's kernel has all: ----|
//                                              |                                 reset                         |
//                                              `------------- all sent, and the peer has ended ----------------|
//     any of them ------------------------------------------- reset ------------------------------------------'
//
//     handler_ended      open, draining: the manner of the end is decided; begin_close follows
//     next():            broken: reset. A reader waits: it goes on first. Output is pending: it is sent first
//       open, draining   nothing
//       flushing         torn: acknowledge, and no end_output; otherwise end_output, once, and then, in the same turn,
//                        linger, or close if the peer has ended
//       acknowledging    acknowledge: looked for again
//       lingering        close, once the peer has ended
//       closed           nothing
//     drops():           flushing, acknowledging, lingering: what comes is dropped, so that the peer reads all of the
//                        output: one that cannot write may not read either, and closing a socket that holds unread
//                        input resets it
//
//     fail               in every state: whoever waits is told; what was accepted is still sent
//     break_off          the same, but what was accepted is lost, and the end is a reset
//
// It does no I/O. The first failure is the one that is told.
#ifndef HAWSER_SRC_CONNECTION_ENDING_HPP
#define HAWSER_SRC_CONNECTION_ENDING_HPP

#include "connection/written.hpp"
#include "loop/wait_queue.hpp"

#include <hawser/connection.hpp>
#include <hawser/error.hpp>

#include <cstdint>
#include <exception>
#include <memory>

namespace hawser::inline v0_1::detail {

/// Whom a connection serves, as far as it knows: a session.
class connection_owner
{
public:
    virtual ~connection_owner() = default;
    /// Called once, for the one that was handed over (connection_core::set_close_observer).
    virtual void connection_closed() noexcept = 0;
    /// Its handler has kept the loop for so long. From the watchdog's thread.
    virtual void report_blocked(duration held) const noexcept = 0;
};

class ending
{
public:
    enum class state : std::uint8_t { open, draining, flushing, acknowledging, lingering, closed };
    enum class failure : std::uint8_t {
        none,
        failed,
        broken, // and nothing can be sent any more: it ends in a reset
    };
    /// How a handler has ended.
    enum class handler_end : std::uint8_t {
        returned,
        failed, // the connection has, or its peer, and the handler with it
        threw,  // something of its own: over TLS the peer sees no clean end
    };
    /// What the connection does next.
    enum class step : std::uint8_t { nothing, reset, acknowledge, end_output, linger, close };
    /// What the other parts say.
    struct facts {
        bool reader_waits;
        bool output_pending;
        bool output_ended;
        bool sending;
        bool peer_ended;
        bool over_tls;
    };

    // ---- Where it stands

    state now() const noexcept { return state_; }
    connection_state public_state() const noexcept;
    bool is_open() const noexcept { return state_ <= state::draining; }
    bool is_closed() const noexcept { return state_ == state::closed; }
    /// From close(), or the handler's end, to the end.
    bool is_closing() const noexcept { return !is_open() && !is_closed(); }
    bool is_draining() const noexcept { return draining_; }
    bool has_failed() const noexcept { return failure_ != failure::none; }
    bool is_broken() const noexcept { return failure_ == failure::broken; }
    /// What was written last is a part: it ends in a reset, once acknowledged.
    bool is_torn() const noexcept { return manner_ == manner::torn; }
    /// Over TLS the end of the stream is sent as one: the handler came to its end.
    bool is_clean() const noexcept { return manner_ == manner::clean; }
    const error_code& error() const noexcept { return error_; }
    const std::exception_ptr& thrown() const noexcept { return thrown_; }
    wait_kind waiting_for(bool output_pending) const noexcept;

    // ---- What happens

    /// Whether it was open, so that reads end.
    bool begin_drain() noexcept;
    void handler_ended(handler_end how, written last) noexcept;
    /// False: it had begun.
    bool begin_close() noexcept;
    step next(const facts& f) noexcept;
    bool may_drop(const facts& f) const noexcept { return is_closing() && !drops_ && !f.peer_ended && !f.reader_waits; }
    /// The stream's wait for input is for what is dropped.
    void drop(bool on) noexcept { drops_ = on; }
    bool drops() const noexcept { return drops_; }
    void close() noexcept { state_ = state::closed; }

    void fail(const error_code& e) noexcept;
    void fail(std::exception_ptr e) noexcept;
    /// With which it is about to fail.
    void set_words(std::exception_ptr e) noexcept { thrown_ = std::move(e); }
    void break_off(const error_code& e) noexcept;

    // ---- Who is told

    wait_queue& closers() noexcept { return closers_; }
    void set_close_observer(std::unique_ptr<connection_owner> l) noexcept { close_observer_ = std::move(l); }
    bool has_close_observer() const noexcept { return close_observer_ != nullptr; }
    std::unique_ptr<connection_owner> take_close_observer() noexcept { return std::move(close_observer_); }

private:
    enum class manner : std::uint8_t { clean, cut_short, torn };

    state state_ = state::open;
    failure failure_ = failure::none;
    manner manner_ = manner::clean;
    bool draining_ = false; // or was, when it closed
    bool drops_ = false;
    wait_queue closers_;
    error_code error_;
    std::exception_ptr thrown_;
    std::unique_ptr<connection_owner> close_observer_;
};

} // namespace hawser::inline v0_1::detail

#endif
