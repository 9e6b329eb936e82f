// SPDX-License-Identifier: BSL-1.0

// How a connection waits for input: one wait at a time, and what ends it.
//
//     read_* --> start_input --> wait_for_input --> stream --> on_readable --> receive_now --> finish_input --> read_*
//                   |  |                                           |
//                   |  `-- drain_input: empty the socket, then end |
//                   `----- a turn for the others                   `-- interrupted: drain, cancelled, failed
//
// A connection waits until its stream has something to give, and only then takes it: a wait that is interrupted has
// taken nothing, and a buffer that lies idle can go (deadlines.cpp) while the wait stays.
#include "connection/core.hpp"
#include "values/system_call.hpp"

#include <algorithm>
#include <new>

namespace hawser::detail {
namespace {

constexpr std::size_t largest_eager_read = 32 * 1024; // a buffer grows this far for a sender that fills it
constexpr std::uint8_t small_reads_to_shrink = 16;

// No read asks for less: one that did would be a system call for next to nothing, and over TLS, where ciphertext takes
// the place of the plaintext to come, as many of them as it takes to bring a whole record.
constexpr std::size_t least_read = block_pool::block_size / 4;

} // namespace

void core::start_input(waiting_for what)
{
    waits_for_ = what;
    if (!has_turn() && !input_.empty()) {
        awaits_ = awaiting::turn;
        post_input(input::more);
        return;
    }
    if (loop_.output_cork.owner == this)
        flush_cork(loop_);
    if (past_limit_)
        fail(errc::data_limit);
    if (failed_ || state_ == connection_state::closing || state_ == connection_state::closed)
        return post_input(input_at_close());
    if (peer_ended_)
        return post_input(input::ended);
    if (draining_ && what == waiting_for::next_unit)
        return drain_input();
    wait_since_ = loop_.now();
    loop_.arm(*this, after(wait_since_, look_every_));
    wait_for_input();
}

// There was no memory to begin the wait.
void core::fail_input(waiting_for what) noexcept
{
    waits_for_ = what;
    fail(make_error_code(boost::system::errc::not_enough_memory));
    post_input(input::failed);
}

void core::wait_for_input()
{
    reading_ = true;
    awaits_ = input_.capacity() == 0 ? awaiting::readability : awaiting::input;
    with_stream([this](auto& s) { s.wait_readable(*this); });
}

bool core::record_has_begun() const noexcept
{
    return over_tls() && std::get<tls_stream>(stream_).record_has_begun();
}

// A read has brought nothing. What it waits for at drain may be the rest of a record, which has come; without a byte of
// the user's, a new key say, that was no unit.
void core::wait_for_more()
{
    if (draining_ && waits_for_ == waiting_for::rest_of_unit && over_tls() && input_.empty() && !unit_open_ &&
        !record_has_begun()) {
        waits_for_ = waiting_for::next_unit;
        frame_spent_ = duration::zero();
        return drain_input();
    }
    wait_for_input();
}

// A buffer grows only when bytes that arrived leave less room in it than a read asks for, and shrinks after some reads
// that would not have needed it.
void core::make_room()
{
    const std::size_t capacity = input_.capacity();
    if (capacity == 0) {
        input_.reserve(block_pool::block_size);
    } else if (input_.empty()) {
        if (full_read_ && capacity < largest_eager_read) {
            input_.release();
            input_.reserve(2 * capacity);
        } else if (small_reads_ >= small_reads_to_shrink && capacity > block_pool::block_size) {
            input_.release();
            input_.reserve(block_pool::block_size);
        }
    } else if (input_.space_size() < capacity / 2) {
        input_.compact();
        if (input_.space_size() < least_read)
            input_.reserve(capacity);
    }
}

void core::received(std::size_t n) noexcept
{
    const std::uint64_t before = counts_.bytes_in;
    counts_.bytes_in += n;
    if (counts_.bytes_in > settings_->data_limit) {
        n = static_cast<std::size_t>(settings_->data_limit - std::min(before, settings_->data_limit));
        counts_.bytes_in = before + n;
        past_limit_ = true;
    }
    loop_.counts.bytes_in.add(n);
    full_read_ = n == input_.space_size();
    small_reads_ = n > block_pool::block_size / 2 ? 0 : static_cast<std::uint8_t>(std::min(small_reads_ + 1, 255));
    quiet_looks_ = 0;
    input_.commit(n);
}

// Takes what has arrived, without waiting. Nothing: it would block.
std::optional<core::input> core::receive_now()
{
    try {
        make_room();
    } catch (const std::bad_alloc&) {
        fail(make_error_code(boost::system::errc::not_enough_memory));
        return input::failed;
    }
    error_code e;
    const std::size_t n = with_stream([&](auto& s) { return s.read_now(input_.space(), input_.space_size(), e); });
    if (n != 0) {
        received(n);
        return input::more;
    }
    input_.commit(0); // the space is nobody's again
    if (would_block(e))
        return std::nullopt;
    return stream_ended(e);
}

core::input core::stream_ended(const error_code& e)
{
    if (e == boost::asio::error::eof) {
        peer_ended_ = true;
        closers_.wake_all();
        return input::ended;
    }
    if (e.category() != category()) {
        break_off(e);
        return input::failed;
    }
    note_tls_failure(e);
    if (e == errc::stream_truncated)
        peer_ended_ = true;
    else
        drop_output(); // which TLS cannot send any more
    fail(e);
    return input::failed;
}

void core::on_readable(const error_code& e)
{
    if (!std::exchange(reading_, false))
        return watch_peer(); // who began no read
    const interruption why = std::exchange(interruption_, interruption::none);
    if (std::exchange(lingering_, false))
        return continue_close();
    if (e == boost::asio::error::operation_aborted)
        return input_interrupted(why);
    const bool parked = input_.capacity() == 0;
    if (const auto how = receive_now())
        return finish_input(*how);
    if (parked)
        input_.release();
    look_soon(); // whether there really was nothing
    wait_for_more();
}

void core::input_interrupted(interruption why)
{
    switch (why) {
    case interruption::none:
        if (failed_ || state_ == connection_state::closed)
            return finish_input(input::failed);
        return wait_for_input();
    case interruption::drain: return drain_input();
    case interruption::closing: return finish_input(input_at_close());
    case interruption::user: return finish_input(input::cancelled);
    case interruption::error: return finish_input(input::failed);
    }
}

void core::finish_input(input how)
{
    outcome_ = how;
    if (waits_for_ == waiting_for::rest_of_unit && wait_since_ != time_point::max())
        frame_spent_ += loop_.now() - wait_since_;
    wait_since_ = time_point::max();
    new_turn();
    resume_reader();
}

void core::post_input(input how) noexcept
{
    outcome_ = how;
    new_turn();
    later_.resume = true;
    call_later();
}

void core::resume_reader()
{
    awaits_ = awaiting::nothing;
    if (reader_) {
        const boost::intrusive_ptr<core> keep{this};
        const loop::running_mark mark{loop_, this};
        reader_();
    }
    if (state_ == connection_state::closing && !reading_)
        continue_close();
    if (watchers_ != 0) [[unlikely]]
        watch_peer();
}

void core::interrupt(interruption why) noexcept
{
    if (!reading_ || lingering_ || why <= interruption_)
        return;
    interruption_ = why;
    with_stream([](auto& s) { s.cancel(); });
}

// What was to end the wait anyway is there for the next read: the bytes are in the input, and each end is for good.
void core::cancel_read() noexcept
{
    if (drain_flushing_) {
        drain_flushing_ = false;
        post_input(input::cancelled);
    } else if (reading_ && !lingering_) {
        interrupt(interruption::user);
    } else if (reader_) { // it is in the loop's queue already
        outcome_ = input::cancelled;
    }
}

// This side has ended the connection: a wait between two units ends as at the peer's end.
core::input core::input_at_close() const noexcept
{
    return waits_for_ == waiting_for::next_unit && !failed_ ? input::drained : input::failed;
}

void core::end_input_wait()
{
    if (drain_flushing_) {
        drain_flushing_ = false;
        post_input(input_at_close());
    } else if (reader_) {
        interrupt(interruption::closing); // resume_reader() goes on
    }
}

// ---- Drain

void core::begin_drain()
{
    draining_ = true;
    if (state_ == connection_state::closing && end_since_ != time_point::max() && !torn_)
        still_lingers();
    if (state_ != connection_state::open)
        return;
    state_ = connection_state::draining;
    if (waits_for_ == waiting_for::next_unit)
        interrupt(interruption::drain);
    else if (waits_for_ == waiting_for::handshake)
        drain_handshake();
}

// All answers first, then whatever has still arrived; only an empty socket with no output left ends the reads. A peer
// that takes its answers slowly may send on meanwhile, and is answered.
void core::drain_input()
{
    wait_since_ = time_point::max();
    if (loop_.output_cork.owner == this)
        flush_cork(loop_);
    if (failed_)
        return post_input(input::failed);
    if (!output_.empty()) {
        drain_flushing_ = true;
        awaits_ = awaiting::output_flushed;
        return;
    }
    std::optional<input> now = drained_ ? input::drained : receive_now();
    if (!now && has_more_than(input_.size())) // a false alarm
        now = receive_now();
    if (!now && record_has_begun()) { // and a unit with it, though nobody can see it yet
        waits_for_ = waiting_for::rest_of_unit;
        wait_since_ = loop_.now();
        look_soon();
        return wait_for_input();
    }
    const input how = now.value_or(input::drained);
    drained_ = how == input::drained;
    post_input(how);
}

} // namespace hawser::detail
