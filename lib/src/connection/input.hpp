// SPDX-License-Identifier: BSL-1.0

// What a connection reads: its buffer, the one wait for more, the turn that it leaves to others, and what ends a wait.
//
// It does no I/O. The connection does what the steps say, and tells what came of it.
//
//            begin            wait, begin_handshake
//     none ---------> over ---------------------------> waits
//      ^             | |  ^                               |
//      |   resume    | |  `---- woken, drop_wait ---------'
//      `-------------' |
//                      |  drain: output is pending            drain_read: a record has begun
//                      `-------------------------> flushes ---------------------------------> waits
//                                                     |
//                                                     `---- drain_read: what has come, or nothing ---> over
//
//                      none   over                       waits                               flushes
//     begin_read       -      refused: a second reader   refused                             refused
//     woken            -      -                          over: read, or what interrupted it;
//                                                        waits again, if nothing did
//     nothing_came     -      waits, or drain            -                                   -
//     drop_wait        -      -                          over                                -
//     finish, post     -      over: its reader goes on   -                                   over: its reader goes on
//     cancel           -      cancelled, unless failed   interrupted: cancelled              over: cancelled
//     close            -      -                          interrupted: as at_close()          over: as at_close()
//     fail             -      -                          interrupted: failed                 -
//     give_up          -      -                          -                                   over: failed
//     begin_drain      -      -                          interrupted, at a drain point       -
//     output_flushed   -      -                          -                                   drain
//
// Interrupted: the stream's wait is cancelled, and completes; of several reasons the strongest counts. Drain: the core
// sends all output and takes what has still come (drain(), drain_read()).
#ifndef HAWSER_SRC_CONNECTION_INPUT_HPP
#define HAWSER_SRC_CONNECTION_INPUT_HPP

#include "loop/buffer.hpp"

#include <hawser/connection.hpp>
#include <hawser/detail/resumption.hpp>
#include <hawser/framing.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

namespace hawser::inline v0_1::detail {

class input
{
public:
    enum class state : std::uint8_t {
        none,    // nobody reads, or the reader runs
        waits,   // the stream waits
        flushes, // at drain: until all output is sent
        over,    // the reader is about to go on, or to wait
    };
    /// What a wait is for: which clock runs, and whether it may end at drain.
    enum class purpose : std::uint8_t {
        next_unit,    // idle clock; a drain point
        rest_of_unit, // frame clock
        stream,       // idle clock; async_read_some, which knows no units
        handshake,    // its own clock, a server's; ends at drain if the peer has sent nothing
    };
    /// How a wait has ended.
    enum class outcome : std::uint8_t { more, ended, drained, failed, cancelled, refused };
    /// Why the stream's wait was cancelled, the strongest last.
    enum class interruption : std::uint8_t { none, drain, closing, user, error };
    enum class peer_end : std::uint8_t {
        none,
        gone, // it has ended or reset the connection, as one has seen who does not read
        read, // everything before it has been read
    };
    /// What the connection does next.
    enum class step : std::uint8_t {
        nothing,
        wait,   // has the stream wait
        cancel, // the stream's wait
        read,   // takes what has come
        drain,  // sends all output, then takes what has still come: drain(), drain_read()
        resume, // the reader
        post,   // has it resumed from the loop's queue
    };

    explicit input(block_pool& blocks) noexcept : buffer_{blocks} { new_turn(); }

    // ---- What has come

    /// A read begins: the view that the last one gave is not used any more. Throws std::logic_error for a second one.
    void begin_read()
    {
        if (state_ != state::none)
            refuse_second_read();
        end_view();
        buffer_.end_views();
        needed_ = 0;
        scanned_ = 0; // of a read that was cancelled, and may have had another format
    }
    bool empty() const noexcept { return buffer_.empty(); }
    std::size_t size() const noexcept { return buffer_.size(); }
    bytes_view data() const noexcept { return buffer_.data(); }
    /// Behind the view that was handed out.
    bytes_view unread() const noexcept { return buffer_.data().substr(held_); }
    bool has_view() const noexcept { return held_ != 0; }
    std::size_t needed() const noexcept { return needed_; }
    /// A protocol that parses in place has seen so many, and waits for more.
    std::size_t seen() const noexcept { return seen_; }
    /// So many bytes will make the unit whole that has begun.
    void needs(std::size_t n) noexcept { needed_ = n; }

    /// A connection leaves the loop to others after so much of its own input.
    static constexpr std::int32_t turn_frames = 64;
    static constexpr std::int32_t turn_bytes = 64 * 1024;
    bool has_turn() const noexcept { return turn_frames_ > 0 && turn_bytes_ > 0; }

    decoded decode(const framing& format) noexcept { return format.decode(buffer_.data(), scanned_); }
    /// The whole frames at the front, as many as make one turn: their bytes, and their number. If there is none, `d`
    /// says why.
    std::pair<bytes_view, std::size_t> decode_batch(const framing& format, decoded& d) noexcept;
    /// The first `n` bytes have been handed out, as so many frames.
    void take(std::size_t n, std::size_t frames) noexcept
    {
        held_ = n;
        scanned_ = 0;
        turn_frames_ -= static_cast<std::int32_t>(frames);
        turn_bytes_ -= static_cast<std::int32_t>(std::min<std::size_t>(n, turn_bytes));
    }
    /// The same outside of a turn's count.
    bytes_view hand_out(std::size_t n) noexcept
    {
        held_ = n;
        return buffer_.data().substr(0, n);
    }
    void end_view() noexcept { buffer_.consume(std::exchange(held_, 0)); }
    /// Bytes at the front that were copied.
    void copied(std::size_t n) noexcept { buffer_.consume(n); }

    void begin_unit() noexcept { unit_open_ = true; }
    void end_unit() noexcept { unit_open_ = false; }
    bool unit_is_open() const noexcept { return unit_open_; }
    /// One has been read whole.
    void unit_done() noexcept { first_unit_ = false; }
    bool at_first_unit() const noexcept { return first_unit_; }
    bool between_units() const noexcept { return buffer_.empty() && !unit_open_; }
    purpose next_or_rest() const noexcept { return between_units() ? purpose::next_unit : purpose::rest_of_unit; }

    // ---- What comes

    /// Space for what is read next. Throws std::bad_alloc.
    void make_room();
    char* space() noexcept { return buffer_.space(); }
    std::size_t space_size() const noexcept { return buffer_.space_size(); }
    /// So many bytes have come into the space, after `before` in all, which is counted on. Returns how many of them are
    /// within the limit; the others are dropped.
    std::size_t came(std::size_t n, std::uint64_t& before, std::uint64_t limit) noexcept;
    void nothing_read() noexcept { buffer_.commit(0); } // the space is nobody's again
    bool is_past_limit() const noexcept { return past_limit_; }

    void see_end(peer_end how) noexcept { peer_ = std::max(peer_, how); }
    bool has_ended() const noexcept { return peer_ == peer_end::read; }
    bool peer_is_gone() const noexcept { return peer_ != peer_end::none; }

    bool holds_no_block() const noexcept { return buffer_.capacity() == 0; }
    void release() noexcept { buffer_.release(); }
    /// At a look of the wheel: whether the buffer has lain idle for long enough, and is given back.
    bool park() noexcept;
    /// Nobody uses a view any more.
    void handler_ended() noexcept;

    // ---- The wait

    bool waits() const noexcept { return state_ == state::waits; }
    bool has_reader() const noexcept { return state_ != state::none; }
    purpose what() const noexcept { return what_; }
    outcome how() const noexcept { return outcome_; }
    bool is_interrupted() const noexcept { return interruption_ != interruption::none; }
    wait_kind waiting_for() const noexcept;

    void set_reader(resumption&& reader) noexcept { reader_ = std::move(reader); }
    /// One that parses in place: it goes on when there are more than `seen` bytes, or never will be.
    void set_reader_in_place(resumption&& reader, std::size_t seen) noexcept
    {
        reader_ = std::move(reader);
        seen_ = seen;
        in_place_ = true;
    }
    bool is_read_in_place() const noexcept { return in_place_; }
    /// The reader that was set suspends. `post`: it is the others' turn.
    step begin(purpose what) noexcept
    {
        what_ = what;
        state_ = state::over;
        return !has_turn() && !buffer_.empty() ? post(outcome::more) : step::nothing;
    }
    /// And waits, unless there is nothing to wait for.
    step wait(bool closing, bool failed, bool draining) noexcept
    {
        if (failed || closing) [[unlikely]]
            return post(at_close(failed));
        if (has_ended()) [[unlikely]]
            return post(outcome::ended);
        if (draining && what_ == purpose::next_unit) [[unlikely]]
            return step::drain;
        return wait_again();
    }
    step wait_again() noexcept
    {
        state_ = state::waits;
        return step::wait;
    }
    void begin_handshake() noexcept
    {
        what_ = purpose::handshake;
        state_ = state::waits;
    }
    void handshake_ended() noexcept { what_ = purpose::next_unit; }
    /// The stream's wait is over; why it was interrupted.
    interruption end_wait() noexcept
    {
        state_ = state::over;
        return std::exchange(interruption_, interruption::none);
    }
    /// It will not complete.
    void drop_wait() noexcept
    {
        if (waits())
            end_wait();
    }
    /// It has completed; `aborted`: it was cancelled, or its stream closed.
    step woken(bool aborted, bool failed, bool closed) noexcept
    {
        const interruption why = end_wait();
        return !aborted ? step::read : interrupted(why, failed, closed);
    }
    /// A read has brought nothing; `record_has_begun`: over TLS a part of a record.
    step nothing_came(bool draining_tls, bool record_has_begun) noexcept;
    step finish(outcome how) noexcept
    {
        end(how);
        return step::resume;
    }
    step post(outcome how) noexcept
    {
        end(how);
        return step::post;
    }
    void resume()
    {
        state_ = state::none;
        reader_();
    }
    void resume_in_place(std::exception_ptr* error)
    {
        state_ = state::none;
        in_place_ = false;
        reader_(error);
    }
    /// Of a connection that is abandoned; empty if there is none.
    resumption take_reader() noexcept
    {
        state_ = state::none;
        in_place_ = false;
        return std::move(reader_);
    }

    step interrupt(interruption why) noexcept;
    /// What was to end the wait anyway is there for the next read: bytes are in the input, and each end is for good.
    step cancel() noexcept;
    step close(bool failed) noexcept;
    step fail() noexcept { return interrupt(interruption::error); }
    step give_up() noexcept { return state_ == state::flushes ? post(outcome::failed) : step::nothing; }
    /// How a wait ends when this side has ended the connection: between two units as at the peer's end.
    outcome at_close(bool failed) const noexcept
    {
        return what_ == purpose::next_unit && !failed ? outcome::drained : outcome::failed;
    }

    // ---- Drain

    /// `greeted`: a peer that shakes hands has sent something. One that has sent nothing waits for nothing.
    step begin_drain(bool greeted) noexcept
    {
        const bool at_drain_point = what_ == purpose::next_unit || (what_ == purpose::handshake && !greeted);
        return at_drain_point ? interrupt(interruption::drain) : step::nothing;
    }
    /// `read`: takes what has still come, and tells drain_read().
    step drain(bool failed, bool output_pending) noexcept;
    step output_flushed() const noexcept { return state_ == state::flushes ? step::drain : step::nothing; }
    /// Unset: nothing has come. All answers go first; only an empty socket with no output left ends the reads.
    step drain_read(std::optional<outcome> read, bool record_has_begun) noexcept;

private:
    [[noreturn]] static void refuse_second_read();
    step interrupted(interruption why, bool failed, bool closed) noexcept;
    void new_turn() noexcept
    {
        turn_frames_ = turn_frames;
        turn_bytes_ = turn_bytes;
    }
    void end(outcome how) noexcept
    {
        outcome_ = how;
        state_ = state::over;
        new_turn();
    }

    // What each message touches comes first.
    std::int32_t turn_frames_ = 0;
    std::int32_t turn_bytes_ = 0;
    state state_ = state::none;
    purpose what_ = purpose::next_unit;
    outcome outcome_ = outcome::more;
    interruption interruption_ = interruption::none;
    peer_end peer_ = peer_end::none;
    std::uint8_t quiet_looks_ = 0; // passes of the wheel since input last came
    std::uint8_t small_reads_ = 0; // reads in a row that a block would have held
    bool full_read_ = false;       // the last read took all the room there was
    bool unit_open_ = false;
    bool first_unit_ = true;  // no unit has been read whole
    bool past_limit_ = false; // the byte after the data limit has come
    bool drained_ = false;    // reads have ended at drain, for good
    bool in_place_ = false;   // the reader parses in place
    std::size_t held_ = 0;    // what the view last handed out takes up
    std::size_t scanned_ = 0; // bytes already searched for a delimiter
    std::size_t needed_ = 0;  // bytes that the frame begun will have, once known
    std::size_t seen_ = 0;    // bytes that a protocol has parsed in place
    buffer buffer_;
    resumption reader_;
};

} // namespace hawser::inline v0_1::detail

#endif
