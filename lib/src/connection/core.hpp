// SPDX-License-Identifier: BSL-1.0

// The inside of a connection: its stream, its buffers, its deadlines, and the state that connection's members work on.
//
// Nine files share the work: reading.cpp (what a reader awaits), input.cpp (the wait for bytes, drain), output.cpp
// (cork, pending bytes, back-pressure, the write rule), deadlines.cpp (deadlines, parking), closing.cpp (flush, FIN,
// linger), yielding.cpp (an end to make room), watching.cpp (the peer's end, while nobody reads), handshake.cpp and
// stream_operations.cpp (Asio's stream concepts). Used from its loop's thread only.
#ifndef HAWSER_SRC_CONNECTION_CORE_HPP
#define HAWSER_SRC_CONNECTION_CORE_HPP

#include "connection/claim.hpp"
#include "loop/buffer.hpp"
#include "loop/cancellation.hpp"
#include "loop/descriptor_watch.hpp"
#include "loop/loop.hpp"
#include "loop/resumption.hpp"
#include "loop/wait_queue.hpp"
#include "transport/stream.hpp"
#include "transport/stream_owner.hpp"
#include "values/address.hpp"

#include <hawser/connection.hpp>
#include <hawser/detail/export.hpp>

#include <boost/asio/deferred.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <span>

namespace hawser::detail {

/// How often the wheel looks at a connection that holds a buffer: a twentieth of its shortest timeout.
inline duration look_interval(const timeouts& t) noexcept
{
    return std::clamp<duration>(std::min({t.idle, t.frame, t.write}) / 20, 1ms, 500ms);
}

/// What a connection is configured with; shared by a listener's connections until one changes its own.
struct settings {
    hawser::framing framing = hawser::framing::u32_be;
    hawser::timeouts timeouts = {};
    std::uint64_t data_limit = ~std::uint64_t{0};
    std::size_t high_water = 256 * 1024;
    std::size_t low_water = 64 * 1024;
    duration look_every = look_interval(timeouts);
};

/// Whom a connection serves, as far as it knows: a session.
class connection_owner
{
public:
    virtual ~connection_owner() = default;
    /// Called once, for the one that was handed over (core::set_listener).
    virtual void connection_closed() noexcept = 0;
    /// Its handler has kept the loop for so long. From the watchdog's thread.
    virtual void report_blocked(duration held) const noexcept = 0;
};

/// Where handles reach a connection from any thread, and what waits there for its loop.
struct handle_target {
    handle_target(std::shared_ptr<loop> l, core* c, std::size_t mark) noexcept
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
    std::atomic<core*> connection;         // used on its loop only; null, as any thread may ask, once it has closed
    std::atomic<std::size_t> functions{0}; // posted, and not run
    std::atomic<std::size_t> bytes{0};     // of frames for all, and not taken over
    std::atomic<bool> behind{false};       // to be told that it has missed some
};

class core final : public stream_owner, private wheel::entry
{
public:
    core(loop& on, any_stream stream, std::shared_ptr<const settings> s, const address& peer);
    core(const core&) = delete;
    core& operator=(const core&) = delete;
    ~core() override;

    // ---- Reading (reading.cpp; drain: input.cpp)

    // What a wait for input is for: which clock runs, and whether it may end at drain.
    enum class waiting_for : std::uint8_t {
        next_unit,    // idle clock; a drain point
        rest_of_unit, // frame clock
        stream,       // idle clock; async_read_some, which knows no units
        handshake,    // its own clock, a server's; ends at drain if the peer has sent nothing
    };

    awaitable<std::optional<bytes_view>> read_frame(const framing* format);
    awaitable<std::optional<bytes_view>> read_frame_as(framing format);
    awaitable<std::optional<frames>> read_frames();
    awaitable<std::optional<bytes_view>> read_some();
    awaitable<std::optional<bytes_view>> read(std::size_t n);
    awaitable<std::optional<bytes_view>> read_more(std::size_t have);
    // The steps of read_more(), for a protocol's own coroutine, which then needs no second one:
    //     begin_read();
    //     while (has_at_most(have)) {
    //         co_await next_input(next_or_rest());
    //         if (!more_came(have)) // the end
    //     }
    void begin_read()
    {
        if (reader_)
            refuse_second_read();
        input_.consume(std::exchange(held_, 0));
        input_.end_views();
        needed_ = 0;
        scanned_ = 0; // of a read that was cancelled, and may have had another format
    }
    bool has_at_most(std::size_t n) const noexcept { return input_.size() <= n || !has_turn(); }
    bool more_came(std::size_t have);
    waiting_for next_or_rest() const noexcept
    {
        return input_.empty() && !unit_open_ ? waiting_for::next_unit : waiting_for::rest_of_unit;
    }
    auto next_input(waiting_for what)
    {
        boost::asio::deferred_t token;
        return boost::asio::async_initiate<boost::asio::deferred_t, void()>(
            [](auto handler, core* c, waiting_for w) {
                const bool assigned =
                    assign_cancellation(handler, [c](boost::asio::cancellation_type) { c->cancel_read(); });
                c->reader_ = resumption{std::move(handler)};
                if (assigned)
                    c->start_input(w);
                else
                    c->fail_input(w);
            },
            token, this, what);
    }
    bytes_view received() const noexcept { return has_turn() ? input_.data().substr(held_) : bytes_view{}; }
    void consume(std::size_t n);
    /// Whether more has come than the first `n` bytes of what is not consumed: to here, or as far as the kernel.
    bool has_more_than(std::size_t n) noexcept;
    void read_stream(stream_operation* op);
    void cancel_read() noexcept;
    void begin_drain();

    // ---- Writing (output.cpp)

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
    std::size_t queued() const noexcept
    {
        return output_.size() + (loop_.output_cork.owner == this ? loop_.output_cork.size : 0);
    }

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
    /// Whether what was written last is a whole answer: bytes that a handler writes may be a part of one.
    enum class answer : std::uint8_t {
        whole,
        unknown, // torn, if the handler ends by an exception of its own
        torn,    // torn, however it fails
    };
    void answered(answer a) noexcept { answer_ = a; }
    enum class handler_end : std::uint8_t {
        returned,
        failed, // the connection has, or its peer, and the handler with it
        threw,  // something of its own: over TLS the peer sees no clean end
    };
    /// No view of the input is used any more.
    void handler_ended(handler_end how) noexcept;
    /// It is closing, and waits for nothing but its peer's end or acknowledgement, which let_go() cuts short.
    bool has_sent_all() const noexcept { return end_since_ != time_point::max(); }
    void let_go() noexcept;
    void abandon() noexcept override;

    // ---- Called by the watchdog, from its thread

    loop_keeper keeper() const override { return {peer_.to_endpoint(), opened_}; }
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
    void set_listener(std::unique_ptr<connection_owner> l);

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
    HAWSER_EXPORT_DETAIL std::optional<tls_facts> tls() const;

    /// The session that runs on this connection (session_of()); null for a client's.
    connection_owner* owner = nullptr;
    bool takes_output() const noexcept { return output_open_; }
    bool is_closed() const noexcept { return state_ == connection_state::closed; }
    bool has_failed() const noexcept { return failed_; }
    bool has_ended() const noexcept { return is_closed() || peer_ended_ || failed_ || peer_gone_; }

    // ---- Facts

    const settings& configured() const noexcept { return *settings_; }
    const hawser::timeouts& timeouts() const noexcept { return own_timeouts_ ? *own_timeouts_ : settings_->timeouts; }
    void set_timeouts(const hawser::timeouts& t);
    connection_state state() const noexcept { return state_; }
    HAWSER_EXPORT_DETAIL awaiting awaits() const noexcept;
    /// When that wait began, or bytes last moved in it; nothing for one that is not timed.
    HAWSER_EXPORT_DETAIL std::optional<time_point> awaits_since() const noexcept;
    bool draining() const noexcept { return draining_; }
    const address& peer() const noexcept { return peer_; }
    address local() noexcept;
    /// Of its socket; -1 if it has none, or no longer.
    HAWSER_EXPORT_DETAIL int descriptor() noexcept;
    time_point opened() const noexcept { return opened_; }
    traffic counts() const noexcept { return counts_; }
    const error_code& error() const noexcept { return error_; }
    const std::exception_ptr& thrown() const noexcept { return thrown_; }
    std::shared_ptr<handle_target> make_handle();
    void unit_begin() noexcept { unit_open_ = true; }
    void unit_allow(duration total) noexcept;
    void unit_end() noexcept
    {
        unit_pause();
        unit_done();
    }
    /// Its clock stops. The unit is not whole yet, though nothing marks what is read next as a part of it.
    void unit_pause() noexcept
    {
        unit_open_ = false;
        answer_ = answer::whole;
        unit_allowed_.reset();
        frame_spent_ = duration::zero();
    }

    // ---- Called by the stream, from the loop's queue

    void on_readable(const error_code& e) override;
    void on_writable() override;
    void on_handshake(const error_code& e) override;
    void handshake_waits() override { look_soon(); }
    void look_by(time_point at) noexcept override { loop_.arm(*this, at); }

    /// Sends what the cork holds, whoever owns it. Never throws into, nor resumes from, the stack that calls it.
    static void flush_cork(loop& on) noexcept;

private:
    // The public headers know no more of it than its name.
    friend void intrusive_ptr_add_ref(core* c) noexcept { intrusive_ptr_add_ref(static_cast<tenant*>(c)); }
    friend struct stream_write;
    friend struct stream_end;
    friend class end_watch;

    // How a wait for input ended.
    enum class input : std::uint8_t { more, ended, drained, failed, cancelled, refused };
    // Why a wait of the stream was cancelled, the strongest last.
    enum class interruption : std::uint8_t { none, drain, closing, user, error };

    // input.cpp
    void start_input(waiting_for what);
    void fail_input(waiting_for what) noexcept;
    void wait_for_input();
    void wait_for_more();
    bool record_has_begun() const noexcept;
    void make_room();
    void drain_input();
    std::optional<input> receive_now();
    void received(std::size_t n) noexcept;
    input stream_ended(const error_code& e);
    void input_interrupted(interruption why);
    void finish_input(input how);
    void post_input(input how) noexcept;
    input input_at_close() const noexcept;
    void end_input_wait();
    void resume_reader();
    void interrupt(interruption why) noexcept;

    // reading.cpp. A connection gives the others their turn after so much of its own input.
    static constexpr std::int32_t turn_frames = 64;
    static constexpr std::int32_t turn_bytes = 64 * 1024;
    bool has_turn() const noexcept { return turn_frames_ > 0 && turn_bytes_ > 0; }
    void new_turn() noexcept
    {
        turn_frames_ = turn_frames;
        turn_bytes_ = turn_bytes;
    }
    [[noreturn]] void refuse_frame(const framing& format, const decoded& d) const;
    [[noreturn]] void throw_unexpected_end(std::size_t wanted) const;
    [[noreturn]] void refuse_second_read() const;
    [[noreturn]] void refuse_to_consume(std::size_t n) const;
    bool input_came();
    void unit_done() noexcept
    {
        first_unit_ = false;
        frame_spent_ = duration::zero();
    }
    std::optional<frames> take_frames();
    void frame_done(std::size_t encoded, std::size_t count) noexcept;
    [[noreturn]] void throw_error() const;
    [[noreturn]] static void throw_cancelled();
    void throw_if_truncated(const framing& format) const;

    // output.cpp
    bool has_room() const noexcept { return queued() < settings_->high_water && writers_.empty() && !writer_admitted_; }
    void check_output() const
    {
        if (!output_open_)
            refuse_output();
    }
    void check_frame(const framing& format, bytes_view frame) const
    {
        if (const auto refused = format.check(frame))
            refuse_to_write(*refused, format, frame);
    }
    // A writer's turn: whoever has had to wait for it lets the next one have it, whether it has appended or not.
    class turn_to_write
    {
    public:
        turn_to_write() = default;
        explicit turn_to_write(core& c) noexcept : core_{&c} {}
        turn_to_write(turn_to_write&& other) noexcept : core_{std::exchange(other.core_, nullptr)} {}
        turn_to_write& operator=(turn_to_write&& other) noexcept
        {
            std::swap(core_, other.core_);
            return *this;
        }
        ~turn_to_write()
        {
            if (core_ != nullptr)
                core_->admit_next();
        }

    private:
        core* core_ = nullptr;
    };
    awaitable<turn_to_write> wait_for_room();
    [[noreturn]] void refuse_output() const;
    [[noreturn]] void refuse_to_write(errc why, const framing& format, bytes_view frame) const;
    void append(const framing& format, bytes_view frame);
    void append(bytes_view bytes);
    void append_part(bytes_view bytes);
    void append_large(const framing& format, bytes_view frame);
    char* room_for(std::size_t size);
    char* other_room_for(std::size_t size);
    void admit_next() noexcept;
    bytes_view gather(std::span<const bytes_view> pieces);
    bool append_while_room(frames::iterator& at, const framing& format);
    void write_through(two_pieces pieces) noexcept;
    void send_pending() noexcept;
    void start_sending() noexcept;
    void admit_writers() noexcept;
    void output_moved(std::size_t n) noexcept;
    std::uint64_t acknowledged() noexcept;
    void drop_output() noexcept;

    // handshake.cpp
    void begin_handshake(std::shared_ptr<handshake_places> places);
    input end_of_handshake(const error_code& e, interruption why) noexcept;
    void drain_handshake() noexcept;
    time_point look_at_handshake(time_point now);
    void note_tls_failure(const error_code& e) noexcept;

    // watching.cpp
    void watch_peer();
    void input_taken()
    {
        if (watchers_ != 0 && input_.size() == held_) [[unlikely]]
            watch_peer();
    }

    // stream_operations.cpp
    std::pair<error_code, std::size_t> take_input(const stream_operation& op);
    std::size_t append_pieces(const stream_operation& op);
    void write_pieces(std::span<const bytes_view> pieces);
    static void await_end(struct stream_end e);

    // closing.cpp
    void end_output();
    void continue_close();
    void end_stream();
    void linger();
    void drop_what_came();
    void still_lingers() noexcept;
    bool wait_for_acknowledgement();
    time_point look_at_end(time_point now);
    void close_now() noexcept;
    void wake_everybody() noexcept;
    void tell_listener() noexcept;
    void call_later() noexcept;

    // yielding.cpp
    bool yield_handshake();
    bool yield_reader();
    input close_to_yield() noexcept;
    void drop_wait() noexcept;
    std::uint64_t came() const noexcept;

    // deadlines.cpp
    duration unit_time() const noexcept;
    time_point look(time_point now) override;
    time_point look_at_input(time_point now);
    time_point look_at_output(time_point now);
    void look_soon() { loop_.arm(*this, after(loop_.now(), look_every_)); }

    template <class F>
    decltype(auto) with_stream(F&& f)
    {
        return std::visit(std::forward<F>(f), stream_);
    }

    // What is done from the loop's queue.
    struct later final : call {
        explicit later(core& c) noexcept : of{c} {}
        void called() override;
        void dropped() noexcept override;
        core& of;
        bool asked = false;
        bool resume = false; // the reader: how its wait ended is known
        bool tell = false;   // the listener: the connection has closed
    };

    // First what each message touches, then the rest: fewer cache lines a message.
    std::int32_t turn_frames_ = 0;
    std::int32_t turn_bytes_ = 0;

    connection_state state_ = connection_state::open;
    awaiting awaits_ = awaiting::nothing;
    waiting_for waits_for_ = waiting_for::next_unit;
    input outcome_ = input::more;
    interruption interruption_ = interruption::none;
    answer answer_ = answer::whole;
    std::uint8_t quiet_looks_ = 0; // passes of the wheel since input last came
    std::uint8_t small_reads_ = 0; // reads in a row that a block would have held
    bool reading_ = false;         // an operation of the stream is under way for input
    bool lingering_ = false;       // and it is the linger's: no reader waits for it
    bool sending_ = false;         // a wait for writability is under way
    bool draining_ = false;
    bool past_limit_ = false;     // the byte after the data limit has come
    bool drained_ = false;        // reads have ended at drain, for good
    bool drain_flushing_ = false; // the reader waits for the output to be flushed before it may end
    bool full_read_ = false;      // the last read took all the room there was
    bool peer_ended_ = false;
    bool peer_gone_ = false;  // it has ended or reset the connection, as closed() has seen, and no reader yet
    bool failed_ = false;     // error_ or thrown_ is set
    bool broken_ = false;     // and nothing can be sent any more: it ends in a reset
    bool torn_ = false;       // what was written last is a part: it ends in a reset, once acknowledged
    bool cut_short_ = false;  // the handler did not come to its end: over TLS, neither does the stream
    bool output_open_ = true; // writes are taken: neither failed, nor ended, nor closing
    bool output_ended_ = false;
    bool unit_open_ = false;
    bool first_unit_ = true;       // no unit has been read whole
    bool writer_admitted_ = false; // a woken writer has not appended yet
    std::uint32_t watchers_ = 0;   // coroutines in closed()

    std::size_t held_ = 0;    // of the input: what the view last handed out takes up
    std::size_t scanned_ = 0; // of the input: bytes already searched for a delimiter
    std::size_t needed_ = 0;  // of the input: bytes that the frame begun will have, once known
    buffer input_;
    buffer output_;
    traffic counts_;
    resumption reader_;
    std::shared_ptr<const settings> settings_;
    wait_queue writers_;
    time_point wait_since_ = time_point::max(); // when the wait for input began, or output last moved in an idle one
    duration look_every_{};
    duration frame_spent_{}; // of the frame clock, in waits before this one
    any_stream stream_;

    wait_queue flushers_;
    wait_queue closers_;
    time_point sending_since_{};               // the write rule's window: its begin,
    std::uint64_t sending_from_ = 0;           // and the bytes acknowledged by then
    time_point end_since_ = time_point::max(); // when the wait for the peer's end, or its acknowledgement, began
    time_point end_until_ = time_point::max(); // and when it ends at the latest
    std::optional<duration> unit_allowed_;     // instead of the frame timeout, for the unit that is open
    std::unique_ptr<const hawser::timeouts> own_timeouts_; // once changed for this connection alone
    error_code error_;
    std::exception_ptr thrown_;
    time_point opened_;
    time_point began_ = opened_; // its handshake is done, where it has one
    address peer_;
    std::unique_ptr<connection_owner> listener_;
    boost::intrusive_ptr<core> kept_; // itself, while nothing but the wheel knows that it waits
    std::shared_ptr<handle_target> handle_;
    later later_{*this};
};

/// The tenants of a loop are its connections.
inline core& connection_of(tenant& t) noexcept
{
    return static_cast<core&>(t);
}

struct core_access {
    static connection make(boost::intrusive_ptr<core> c) { return connection{std::move(c)}; }
    static core& get(connection& c) { return *c.core_; }
    static void release(connection& c) noexcept { c.core_.reset(); }
};

} // namespace hawser::detail

#endif
