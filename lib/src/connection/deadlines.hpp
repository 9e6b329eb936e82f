// SPDX-License-Identifier: BSL-1.0

// The deadlines of a connection: one that runs for its input, one for its output, one for its end.
//
//     input   handshake        from the beginning of the connection; without up to 10 s that it waited for a place
//             idle             from the beginning of the wait, or the last byte sent during it
//             frame            the time of all waits of one unit, with 1 s for each 64 KiB announced
//     output  write            a window, at whose end the peer has to have taken enough (output.hpp)
//     end     acknowledgement  2 s for the peer's kernel to have all, before a reset
//             linger           2 s of silence, and 30 s in all: 2 s at drain
//
//     event                    input                       output      end
//     begin_wait               runs                        -           -
//     end_wait                 none                        -           -
//     spend                    what frame has run stays    -           -
//     unit_done, end_unit      frame has its whole time    -           -
//     begin_unit, allow_unit   frame has what is allowed   -           -
//     output_moved (idle runs) idle begins anew            -           -
//     begin_window             -                           runs        -
//     begin_acknowledgement    -                           -           runs
//     begin_linger, linger_on  -                           -           begins anew, but not beyond the whole
//
// Times only: the connection does what follows from a deadline that has expired, and arms its wheel for the instants
// that are returned (connection_core::look_by). For what each message begins, these are not the deadline, but a look in
// each look_interval(), which finds what has passed: no message arms a timer.
#ifndef HAWSER_SRC_CONNECTION_DEADLINES_HPP
#define HAWSER_SRC_CONNECTION_DEADLINES_HPP

#include "connection/settings.hpp"

#include <hawser/error.hpp>

#include <cstdint>
#include <memory>

namespace hawser::inline v0_1::detail {

class deadlines
{
public:
    enum class kind : std::uint8_t { none, handshake, idle, frame, write, acknowledgement, linger };
    /// What a connection has failed with whose deadline has expired; the two of its end are no failures.
    static errc error_of(kind expired) noexcept;

    /// A deadline that has expired, or none, and then when the next one does.
    struct due {
        kind expired = kind::none;
        time_point next = time_point::max();
    };

    deadlines(const settings& s, time_point opened) noexcept : settings_{s}, opened_{opened}, began_{opened} {}

    const hawser::timeouts& timeouts() const noexcept { return own_ ? own_->timeouts : settings_.timeouts; }
    /// For this connection alone. Throws std::invalid_argument, std::bad_alloc.
    void set_timeouts(const hawser::timeouts& t);
    /// When the wheel is to look again, at a connection that holds a buffer or is to be looked at soon.
    time_point next_look(time_point now) const noexcept
    {
        return after(now, own_ ? own_->look_every : settings_.look_every);
    }

    // ---- Of the input

    time_point begin_wait(kind what, time_point now) noexcept
    {
        of_input_ = what;
        wait_since_ = now;
        return what == kind::handshake ? after(opened_, timeouts().handshake) : next_look(now);
    }
    void end_wait() noexcept { of_input_ = kind::none; }
    kind of_input() const noexcept { return of_input_; }
    /// The frame clock has run since the wait began.
    void spend(time_point now) noexcept { frame_spent_ += now - wait_since_; }
    /// A unit is whole, or the next one begins.
    void unit_done() noexcept { frame_spent_ = duration::zero(); }
    /// One goes on with the clock of another that was left in its middle; otherwise nothing has been said of it.
    void begin_unit() noexcept
    {
        if (frame_spent_ == duration::zero())
            unit_allowed_ = not_said;
    }
    /// The unit that is open may take so long in all, instead of timeouts::frame.
    void allow_unit(duration total) noexcept;
    void end_unit() noexcept
    {
        unit_allowed_ = not_said;
        frame_spent_ = duration::zero();
    }
    /// Only while idle runs, which counts from here.
    void output_moved(time_point now) noexcept { wait_since_ = now; }
    time_point wait_since() const noexcept { return wait_since_; }
    /// Of the idle or the frame clock, with so many bytes announced of the unit; `in_unit`: it is a protocol's.
    due check_input(time_point now, std::size_t needed, bool in_unit) const noexcept;

    time_point opened() const noexcept { return opened_; }
    /// The handshake is over. Units are the connection's from here.
    void begin_units(time_point now) noexcept { began_ = now; }
    time_point began() const noexcept { return began_; }
    /// `waited`: for a place; `peer_has_until`: others wait for the one that it has.
    due check_handshake(time_point now, duration waited, time_point peer_has_until) const noexcept;

    // ---- Of the output

    time_point begin_window(time_point now) noexcept
    {
        window_since_ = now;
        return next_look(now);
    }
    time_point window_since() const noexcept { return window_since_; }
    /// Expired: enough has to have been taken by now.
    due check_window(time_point now) const noexcept;

    // ---- Of the end

    void begin_acknowledgement(time_point now) noexcept;
    /// Nothing tells of an acknowledgement, so that it is looked for.
    time_point next_look_for_acknowledgement(time_point now) const noexcept;
    time_point begin_linger(time_point now, bool draining) noexcept
    {
        of_end_ = kind::linger;
        end_since_ = now;
        return linger_on(now, draining);
    }
    /// Something came. Returns when it ends.
    time_point linger_on(time_point now, bool draining) noexcept;
    /// It has sent all, and waits for its peer.
    bool ends() const noexcept { return end_since_ != time_point::max(); }
    time_point end_since() const noexcept { return end_since_; }
    due check_end(time_point now) const noexcept;

private:
    static constexpr duration not_said = duration::min();
    duration unit_time(std::size_t needed, bool in_unit) const noexcept;

    kind of_input_ = kind::none;
    kind of_end_ = kind::none;
    time_point wait_since_{};
    duration frame_spent_{}; // in waits before this one
    const settings& settings_;
    time_point window_since_{};
    time_point end_since_ = time_point::max();
    time_point end_until_ = time_point::max();
    duration unit_allowed_ = not_said; // for the unit that is open, or was left
    struct own_timeouts {
        hawser::timeouts timeouts;
        duration look_every;
    };
    std::unique_ptr<const own_timeouts> own_; // once changed for this connection alone
    time_point opened_;
    time_point began_;
};

} // namespace hawser::inline v0_1::detail

#endif
