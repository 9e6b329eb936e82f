// SPDX-License-Identifier: BSL-1.0

// The inside of a connection: its stream, what of its loop it uses, and its four parts, which do no I/O.
//
//                          .--> input       what is read, and who waits for it
//     stream, loop <--> core--> output      what is written, and who waits for room
//                          |--> deadlines   which time runs
//                          `--> ending      how far its end has come, and who is told
//
// The core does what a part says, and tells the parts what came of it; they do not know each other. Its members stand
// in core.cpp (what comes), reading.cpp, in_place.cpp and writing.cpp (what readers and writers await), sending.cpp,
// closing.cpp (the end), handshake.cpp, yielding.cpp (an end to make room), watching.cpp (the peer's end, while nobody
// reads) and stream_operations.cpp (Asio's stream concepts). Used from its loop's thread only.
#ifndef HAWSER_SRC_CONNECTION_CORE_HPP
#define HAWSER_SRC_CONNECTION_CORE_HPP

#include "connection/claim.hpp"
#include "connection/deadlines.hpp"
#include "connection/ending.hpp"
#include "connection/input.hpp"
#include "connection/output.hpp"
#include "connection/settings.hpp"
#include "loop/descriptor_watch.hpp"
#include "loop/loop.hpp"
#include "transport/stream.hpp"
#include "transport/stream_owner.hpp"
#include "values/address.hpp"

#include <hawser/connection.hpp>
#include <hawser/detail/cancellation.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/detail/resumption.hpp>

#include <boost/asio/deferred.hpp>

#include <atomic>
#include <exception>
#include <span>

namespace hawser::inline v0_1::detail {

/// Where handles reach a connection from any thread, and what waits there for its loop.
struct handle_target {
    handle_target(std::shared_ptr<loop> l, connection_core* c, std::size_t mark) noexcept
        : on{std::move(l)}, high_water{mark}, connection{c}
    {}

    /// Counts `n` more in `waiting` if fewer than `most` wait there.
    static bool take(std::atomic<std::size_t>& waiting, std::size_t n, std::size_t most) noexcept
    {
        std::size_t now = waiting.load();
        while (now < most)
            if (waiting.compare_exchange_weak(now, now + n))
                return true;
        return false;
    }

    const std::shared_ptr<loop> on;
    const std::size_t high_water;
    std::atomic<connection_core*> connection; // used on its loop only; null, as any thread may ask, once it has closed
    std::atomic<std::size_t> functions{0};    // posted, and not run
    std::atomic<std::size_t> bytes{0};        // of frames for all, and not taken over
    std::atomic<bool> behind{false};          // to be told that it has missed some
};

class connection_core final : public stream_owner, private cork_owner, private wheel::entry
{
public:
    connection_core(loop& on, any_stream stream, std::shared_ptr<const settings> s, const address& peer);
    connection_core(const connection_core&) = delete;
    connection_core& operator=(const connection_core&) = delete;
    ~connection_core() override;

    using purpose = input::purpose;
    using handler_end = ending::handler_end;

    // ---- Reading (reading.cpp)

    awaitable<std::optional<bytes_view>> read_frame(const framing* format);
    awaitable<std::optional<bytes_view>> read_frame_as(framing format);
    awaitable<std::optional<frames>> read_frames();
    awaitable<std::optional<bytes_view>> read_some();
    awaitable<std::optional<bytes_view>> read_exactly(std::size_t n);
    awaitable<std::optional<bytes_view>> fill(std::size_t have);
    // What the public wait_for_input() is made of (detail/input_wait.hpp).
    bool is_read() const noexcept { return input_.has_reader(); }
    void begin_input_wait(std::size_t have, resumption&& then, bool cancellable);
    void begin_read() { input_.begin_read(); }
    bool has_at_most(std::size_t n) const noexcept { return input_.size() <= n || !input_.has_turn(); }
    purpose next_or_rest() const noexcept { return input_.next_or_rest(); }
    auto next_input(purpose what)
    {
        boost::asio::deferred_t token;
        return boost::asio::async_initiate<boost::asio::deferred_t, void()>(
            [](auto handler, connection_core* c, purpose w) {
                const bool assigned =
                    assign_cancellation(handler, [c](boost::asio::cancellation_type) { c->cancel_read(); });
                c->input_.set_reader(resumption{std::move(handler)});
                if (assigned)
                    c->start_input(w);
                else
                    c->fail_input(w);
            },
            token, this, what);
    }
    bytes_view buffered() const noexcept { return input_.has_turn() ? input_.unread() : bytes_view{}; }
    void consume(std::size_t n);
    /// Whether more has come than the first `n` bytes of what is not consumed: to here, or as far as the kernel.
    bool has_more_than(std::size_t n) noexcept;
    void read_stream(stream_operation* op);
    void cancel_read() noexcept;
    void begin_drain();

    // ---- Writing (writing.cpp)

    awaitable<void> write_frame(bytes_view payload, const framing* format);
    awaitable<void> write_frame_as(bytes_view payload, framing format);
    awaitable<void> write_frame(std::span<const bytes_view> payload);
    bool try_write_frame(bytes_view payload);
    /// A frame of this connection's framing, as it stands on the wire.
    bool try_write_encoded(bytes_view frame);
    awaitable<void> write_frames(frames batch);
    awaitable<void> write(bytes_view bytes);
    awaitable<void> write(std::span<const bytes_view> pieces);
    bool try_write(bytes_view bytes);
    awaitable<std::size_t> write_some(bytes_view bytes);
    awaitable<void> flush();
    void write_stream(stream_operation* op);
    bool has_room() const noexcept { return output_.has_room(); }
    std::size_t queued() const noexcept { return output_.queued(); }

    // ---- The end (closing.cpp)

    awaitable<void> half_close();
    awaitable<void> close();
    awaitable<void> closed();
    void end_stream_by(stream_operation* op);
    void begin_close();
    void reset() noexcept;
    /// Nothing is read or written any more, and whoever waits is told. What was accepted for output is still sent.
    void fail(const error_code& e) noexcept;
    void fail(std::exception_ptr e) noexcept;
    /// The same where nothing can be sent any more, or nothing is to be: what was accepted is lost.
    void break_off(const error_code& e) noexcept override;
    void answered(answer_state a) noexcept { output_.answered(a); }
    /// No view of the input is used any more.
    void handler_ended(handler_end how) noexcept;
    /// It is closing, and waits for nothing but its peer's end or acknowledgement, which let_go() cuts short.
    bool has_sent_all() const noexcept { return deadlines_.ends(); }
    void let_go() noexcept;
    void abandon() noexcept override;

    // ---- Called by the watchdog, from its thread

    loop_keeper keeper() const override { return {peer_.to_endpoint(), opened()}; }
    void report_blocked(duration held) const noexcept override
    {
        if (owner != nullptr)
            owner->report_blocked(held);
    }

    // ---- Making room for others (yielding.cpp)

    /// What it does with its place, and since when: since it was opened, for what has never completed a unit, and 1 s
    /// later for each 4 KiB that have come of the first.
    claim claims() const noexcept;
    /// Closes it, if it still has such a claim and nothing has come. Says whether it has; if not, its handler may have
    /// gone on. A reader between two units, or in a handshake, then has its end, as at drain; any other fails with
    /// errc::shed.
    bool yield();
    /// Ends a handshake whose place others wait for, unless it waits for its peer's answer and something has come: its
    /// reader fails with errc::shed. Says whether it has.
    bool yield_place(bool waits_to_send) override;

    /// Hands over whoever is told of the close, and is destroyed after it.
    void set_close_observer(std::unique_ptr<connection_owner> l);

    // ---- TLS (handshake.cpp)

    bool over_tls() const noexcept { return std::holds_alternative<tls_stream>(stream_); }
    /// Shakes hands, then resumes `done`: handshake_done() says how it went. Under timeouts().handshake, and drain; the
    /// time is not counted for which it waits for one of `places`, up to 10 s.
    void accept_handshake(resumption done, std::shared_ptr<handshake_places> places);
    /// The same for a client; throws tls_error with the words of what failed. Under nobody's deadline.
    awaitable<void> handshake();

    enum class handshake_end : std::uint8_t {
        done,
        none,    // the peer has left, or the server drained, before it began
        refused, // tls_failure() says why, and the peer has been told
        failed,  // the connection has
    };
    handshake_end handshake_done() const noexcept;
    tls_error tls_failure() const { return std::get<tls_stream>(stream_).failure(); }
    HAWSER_EXPORT_DETAIL std::optional<tls_info> tls() const;

    /// The session that runs on this connection (session_of()); null for a client's.
    connection_owner* owner = nullptr;
    bool takes_output() const noexcept { return output_.takes_writes(); }
    bool is_closed() const noexcept { return ending_.is_closed(); }
    bool has_failed() const noexcept { return ending_.has_failed(); }
    bool has_ended() const noexcept { return is_closed() || has_failed() || input_.peer_is_gone(); }

    // ---- Facts

    const settings& configured() const noexcept { return *settings_; }
    const hawser::timeouts& timeouts() const noexcept { return deadlines_.timeouts(); }
    void set_timeouts(const hawser::timeouts& t);
    connection_state state() const noexcept { return ending_.public_state(); }
    HAWSER_EXPORT_DETAIL wait_kind waiting_for() const noexcept;
    /// When that wait began, or bytes last moved in it; nothing for one that is not timed.
    HAWSER_EXPORT_DETAIL std::optional<time_point> waiting_since() const noexcept;
    bool draining() const noexcept { return ending_.is_draining(); }
    const address& peer() const noexcept { return peer_; }
    address local() noexcept;
    /// Of its socket; -1 if it has none, or no longer.
    HAWSER_EXPORT_DETAIL int descriptor() noexcept;
    time_point opened() const noexcept { return deadlines_.opened(); }
    transfer_statistics statistics() const noexcept { return counts_; }
    const error_code& error() const noexcept { return ending_.error(); }
    const std::exception_ptr& thrown() const noexcept { return ending_.thrown(); }
    std::shared_ptr<handle_target> make_handle();
    void begin_unit();
    void allow_unit(duration total) noexcept { deadlines_.allow_unit(total); }
    void end_unit() noexcept
    {
        input_.end_unit();
        deadlines_.end_unit();
        output_.answered(answer_state::whole);
        unit_done();
    }
    /// It was not ended: the next one goes on with its clock.
    void unit_left() noexcept { input_.end_unit(); }

    // ---- Called by the stream, from the loop's queue

    void on_readable(const error_code& e) override;
    void on_writable() override;
    void on_handshake(const error_code& e) override;
    void handshake_waits() override { look_soon(); }
    void look_by(time_point at) noexcept override { loop_.arm(*this, at); }

private:
    // The public headers know no more of it than its name.
    friend void intrusive_ptr_add_ref(connection_core* c) noexcept { intrusive_ptr_add_ref(static_cast<tenant*>(c)); }
    friend struct stream_write;
    friend struct stream_end;
    friend class end_watch;

    using outcome = input::outcome;
    using interruption = input::interruption;

    // core.cpp
    void start_input(purpose what);
    void fail_input(purpose what) noexcept;
    void follow(input::step what);
    void wait_for_input();
    void drain_input();
    std::optional<outcome> receive_now();
    outcome stream_ended(const error_code& e);
    void resume_reader();
    bool record_has_begun() const noexcept;
    time_point on_due(time_point now) override;
    time_point look_at_input(time_point now);
    time_point look_at_output(time_point now);
    void look_soon() { look_by(deadlines_.next_look(loop_.now())); }

    // in_place.cpp
    void resume_in_place();
    std::exception_ptr error_in_place() const;

    // reading.cpp
    [[noreturn]] void refuse_frame(const framing& format, const decoded& d) const;
    [[noreturn]] void throw_unexpected_end(std::size_t wanted) const;
    [[noreturn]] void refuse_to_consume(std::size_t n) const;
    bool input_came() const;
    void unit_done() noexcept
    {
        input_.unit_done();
        deadlines_.unit_done();
    }
    std::optional<frames> take_frames();
    void handed_out() noexcept
    {
        if (!input_.unit_is_open())
            unit_done();
        if (watchers_ != 0 && input_.unread().empty()) [[unlikely]]
            watch_peer();
    }
    void frames_done(std::size_t encoded, std::size_t count) noexcept
    {
        input_.take(encoded, count);
        counts_.frames_in += count;
        loop_.counts.frames_in.add(count);
        handed_out();
    }
    [[noreturn]] void throw_error() const;
    [[noreturn]] static void throw_cancelled();
    void throw_if_truncated(const framing& format) const;

    // writing.cpp
    void check_output() const
    {
        if (!output_.takes_writes())
            refuse_output();
    }
    void check_frame(const framing& format, bytes_view frame) const
    {
        if (const auto refused = format.check(frame))
            refuse_to_write(*refused, format, frame);
    }
    awaitable<output::turn> wait_for_room();
    [[noreturn]] void refuse_output() const;
    [[noreturn]] void refuse_to_write(errc why, const framing& format, bytes_view frame) const;
    void append(const framing& format, bytes_view frame);
    void append(bytes_view bytes);
    void append_part(bytes_view bytes);
    void append_large(const framing& format, bytes_view frame);
    char* room_for(std::size_t size);
    char* other_room_for(std::size_t size);
    bytes_view gather(std::span<const bytes_view> pieces);
    bool append_while_room(frames::iterator& at, const framing& format);

    // sending.cpp
    void flush_own_cork() noexcept
    {
        if (output_.owns_cork())
            loop_.output_cork.flush();
    }
    void send_gathered(bytes_view bytes) noexcept override;
    void write_through(two_pieces pieces) noexcept;
    void send_pending() noexcept;
    void start_sending() noexcept;
    void output_moved(std::size_t n) noexcept;
    std::uint64_t acknowledged() noexcept;

    // handshake.cpp
    void begin_handshake(std::shared_ptr<handshake_places> places);
    outcome end_of_handshake(const error_code& e, interruption why) noexcept;
    time_point look_at_handshake(time_point now);
    void note_tls_failure(const error_code& e) noexcept;

    // watching.cpp
    void watch_peer();

    // stream_operations.cpp
    std::pair<error_code, std::size_t> take_input(const stream_operation& op);
    std::size_t append_pieces(const stream_operation& op);
    void write_pieces(std::span<const bytes_view> pieces);
    static void await_end(struct stream_end e);

    // closing.cpp
    ending::facts facts() const noexcept;
    void end_output();
    void continue_close();
    void drop_input();
    void linger_on() noexcept;
    bool await_acknowledgement();
    time_point look_at_end(time_point now);
    void close_now() noexcept;
    void wake_everybody() noexcept;
    void tell_close_observer() noexcept;
    void call_later() noexcept;

    // yielding.cpp
    bool yield_handshake();
    bool yield_reader();
    outcome close_to_yield() noexcept;
    void drop_wait() noexcept;
    std::uint64_t came() const noexcept;

    template <class F>
    decltype(auto) with_stream(F&& f)
    {
        return std::visit(std::forward<F>(f), stream_);
    }

    // What is done from the loop's queue.
    struct later final : call {
        explicit later(connection_core& c) noexcept : of{c} {}
        void called() override;
        void dropped() noexcept override;
        connection_core& of;
        bool asked = false;
        bool resume = false; // the reader: how its wait ended is known
        bool tell = false;   // ending's close observer: the connection has closed
    };

    // First what each message touches, then the rest: fewer cache lines a message.
    input input_;
    output output_;
    transfer_statistics counts_;
    std::shared_ptr<const settings> settings_;
    deadlines deadlines_;
    any_stream stream_;

    ending ending_;
    std::uint32_t watchers_ = 0; // coroutines in closed()
    address peer_;
    boost::intrusive_ptr<connection_core> kept_; // itself, while nothing but the wheel knows that it waits
    std::shared_ptr<handle_target> handle_;
    later later_{*this};
};

/// The tenants of a loop are its connections.
inline connection_core& connection_of(tenant& t) noexcept
{
    return static_cast<connection_core&>(t);
}

struct core_access {
    static connection make(boost::intrusive_ptr<connection_core> c) { return connection{std::move(c)}; }
    static connection_core& get(connection& c) { return *c.core_; }
    static void release(connection& c) noexcept { c.core_.reset(); }
    /// `count` whole frames, one after the other in `encoded`.
    static frames batch(const framing& format, bytes_view encoded, std::size_t count) noexcept
    {
        return {format, encoded, count};
    }
};

} // namespace hawser::inline v0_1::detail

#endif
