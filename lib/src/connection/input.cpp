// SPDX-License-Identifier: BSL-1.0
#include "connection/input.hpp"

#include <stdexcept>

namespace hawser::inline v0_1::detail {
namespace {

constexpr std::size_t largest_eager_read = 32 * 1024; // a buffer grows this far for a sender that fills it
constexpr std::uint8_t small_reads_to_shrink = 16;
constexpr std::uint8_t quiet_looks_to_park = 2;

// No read asks for less: one that did would be a system call for next to nothing, and over TLS, where ciphertext takes
// the place of the plaintext to come, as many of them as it takes to bring a whole record.
constexpr std::size_t least_read = block_pool::block_size / 4;

} // namespace

std::pair<bytes_view, std::size_t> input::decode_batch(const framing& format, decoded& d) noexcept
{
    bytes_view rest = buffer_.data();
    std::size_t count = 0;
    std::size_t taken = 0;
    while (!rest.empty() && count < turn_frames && taken < turn_bytes) {
        d = format.decode(rest, scanned_);
        if (d.state != decoded::status::complete)
            break;
        scanned_ = 0;
        rest.remove_prefix(d.consumed);
        taken += d.consumed;
        ++count;
    }
    return {buffer_.data().substr(0, taken), count};
}

// A buffer grows only when bytes that arrived leave less room in it than a read asks for, and shrinks after some reads
// that would not have needed it.
void input::make_room()
{
    const std::size_t capacity = buffer_.capacity();
    if (capacity == 0) {
        buffer_.reserve(block_pool::block_size);
    } else if (buffer_.empty()) {
        if (full_read_ && capacity < largest_eager_read) {
            buffer_.release();
            buffer_.reserve(2 * capacity);
        } else if (small_reads_ >= small_reads_to_shrink && capacity > block_pool::block_size) {
            buffer_.release();
            buffer_.reserve(block_pool::block_size);
        }
    } else if (buffer_.space_size() < capacity / 2) {
        buffer_.compact();
        if (buffer_.space_size() < least_read)
            buffer_.reserve(capacity);
    }
}

std::size_t input::came(std::size_t n, std::uint64_t& before, std::uint64_t limit) noexcept
{
    if (before + n > limit) {
        n = static_cast<std::size_t>(limit - std::min(before, limit));
        past_limit_ = true;
    }
    before += n;
    full_read_ = n == buffer_.space_size();
    small_reads_ = n > block_pool::block_size / 2 ? 0 : static_cast<std::uint8_t>(std::min(small_reads_ + 1, 255));
    quiet_looks_ = 0;
    buffer_.commit(n);
    return n;
}

bool input::park() noexcept
{
    if (!waits() || !buffer_.empty() || ++quiet_looks_ < quiet_looks_to_park)
        return false;
    buffer_.release();
    return true;
}

void input::handler_ended() noexcept
{
    if (has_reader())
        return;
    held_ = 0;
    buffer_.release();
}

wait_kind input::waiting_for() const noexcept
{
    switch (state_) {
    case state::waits:
        if (what_ == purpose::handshake)
            return wait_kind::handshake;
        return holds_no_block() ? wait_kind::readability : wait_kind::input;
    case state::flushes: return wait_kind::output_flushed;
    case state::over: return wait_kind::turn;
    case state::none: break;
    }
    return wait_kind::nothing;
}

// What the wait was for at drain may be the rest of a record, which has come; without a byte of the user's, a new key
// say, that was no unit.
input::step input::nothing_came(bool draining_tls, bool record_has_begun) noexcept
{
    if (draining_tls && what_ == purpose::rest_of_unit && between_units() && !record_has_begun) {
        what_ = purpose::next_unit;
        return step::drain;
    }
    return wait_again();
}

input::step input::interrupt(interruption why) noexcept
{
    if (!waits() || why <= interruption_)
        return step::nothing;
    interruption_ = why;
    return step::cancel;
}

input::step input::interrupted(interruption why, bool failed, bool closed) noexcept
{
    switch (why) {
    case interruption::none: return failed || closed ? finish(outcome::failed) : wait_again();
    case interruption::drain: return step::drain;
    case interruption::closing: return finish(at_close(failed));
    case interruption::user: return finish(outcome::cancelled);
    case interruption::error: break;
    }
    return finish(outcome::failed);
}

input::step input::cancel() noexcept
{
    switch (state_) {
    case state::waits: return interrupt(interruption::user);
    case state::flushes: return post(outcome::cancelled);
    case state::over:
        if (outcome_ != outcome::failed) // which is for good, and says more
            outcome_ = outcome::cancelled;
        break;
    case state::none: break;
    }
    return step::nothing;
}

input::step input::close(bool failed) noexcept
{
    return state_ == state::flushes ? post(at_close(failed)) : interrupt(interruption::closing);
}

// A peer that takes its answers slowly may send on meanwhile, and is answered.
input::step input::drain(bool failed, bool output_pending) noexcept
{
    if (failed)
        return post(outcome::failed);
    if (output_pending) {
        state_ = state::flushes;
        return step::nothing;
    }
    return drained_ ? post(outcome::drained) : step::read;
}

input::step input::drain_read(std::optional<outcome> read, bool record_has_begun) noexcept
{
    if (!read && record_has_begun) { // and a unit with it, though nobody can see it yet
        what_ = purpose::rest_of_unit;
        return wait_again();
    }
    drained_ = read.value_or(outcome::drained) == outcome::drained;
    return post(read.value_or(outcome::drained));
}

std::exception_ptr second_read()
{
    return std::make_exception_ptr(std::logic_error{"two reads of one connection at once"});
}

void input::refuse_second_read()
{
    std::rethrow_exception(second_read());
}

} // namespace hawser::inline v0_1::detail
