// How a connection reads: one wait at a time, and what ends it.
//
//     read_* --> start_input --> wait_for_input --> stream --> on_read / on_readable --> finish_input --> read_*
//                   |  |                                           |
//                   |  `-- drain_input: empty the socket, then end |
//                   `----- a turn for the others                   `-- interrupted: park, drain, cancelled, failed
//
// The result of a read is seen in this order: bytes, whatever else happened; then the reason that was set before the
// stream was cancelled; and without one, the coroutine's own cancellation.
#include "core.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <sys/ioctl.h>

#include <algorithm>
#include <stdexcept>

namespace hawser::detail {
namespace {

constexpr std::int32_t turn_frames = 64;
constexpr std::int32_t turn_bytes = 64 * 1024;
constexpr std::size_t largest_eager_read = 32 * 1024; // a buffer grows this far for a sender that fills it
constexpr std::uint8_t small_reads_to_shrink = 16;
constexpr std::uint8_t quiet_looks_to_park = 2;

// 1 s for each 64 KiB announced.
duration transfer_time(std::size_t bytes)
{
    constexpr std::size_t piece = 65536;
    constexpr std::size_t longest = 1'000'000'000; // seconds, so that no announced length overflows
    return std::chrono::seconds{std::min(bytes / piece, longest)} + bytes % piece * duration{1s} / piece;
}

} // namespace

// ---- What connection's members await

inline void core::frame_done(std::size_t encoded, std::size_t count) noexcept
{
    held_ = encoded;
    scanned_ = 0;
    counts_.frames_in += count;
    loop_.counts.frames_in.add(count);
    turn_frames_ -= static_cast<std::int32_t>(count);
    turn_bytes_ -= static_cast<std::int32_t>(std::min<std::size_t>(encoded, turn_bytes));
    if (!unit_open_)
        frame_spent_ = duration::zero();
}

auto core::next_input(waiting_for what)
{
    boost::asio::deferred_t token;
    return boost::asio::async_initiate<boost::asio::deferred_t, void()>(
        [](auto handler, core* c, waiting_for w) {
            if (auto slot = boost::asio::get_associated_cancellation_slot(handler); slot.is_connected())
                slot.assign([c](boost::asio::cancellation_type) { c->cancel_read(); });
            c->reader_ = resumption{std::move(handler)};
            c->start_input(w);
        },
        token, this, what);
}

awaitable<std::optional<bytes_view>> core::read_frame(const framing* format)
{
    begin_read();
    for (;;) {
        if (has_turn() && !input_.empty()) {
            const decoded d = format->decode(input_.data(), scanned_);
            if (d.state == decoded::status::complete) {
                frame_done(d.consumed, 1);
                co_return d.frame;
            }
            if (d.state == decoded::status::refused)
                refuse_frame(*format, d);
            needed_ = d.needed;
        }
        co_await next_input(next_or_rest());
        if (!input_came()) {
            throw_if_truncated(*format);
            co_return std::nullopt;
        }
    }
}

awaitable<std::optional<bytes_view>> core::read_frame_as(framing format)
{
    co_return co_await read_frame(&format);
}

awaitable<std::optional<frames>> core::read_frames()
{
    begin_read();
    for (;;) {
        if (has_turn() && !input_.empty()) {
            if (auto batch = take_frames())
                co_return batch;
        }
        co_await next_input(next_or_rest());
        if (!input_came()) {
            throw_if_truncated(settings_->framing);
            co_return std::nullopt;
        }
    }
}

// The complete frames at the front of the input, as many as make one turn.
std::optional<frames> core::take_frames()
{
    const framing& format = settings_->framing;
    bytes_view rest = input_.data();
    std::size_t count = 0;
    std::size_t taken = 0;
    while (!rest.empty() && count < turn_frames && taken < turn_bytes) {
        const decoded d = format.decode(rest, scanned_);
        if (d.state != decoded::status::complete) {
            if (count != 0)
                break;
            if (d.state == decoded::status::refused)
                refuse_frame(format, d);
            needed_ = d.needed;
            return std::nullopt;
        }
        scanned_ = 0;
        rest.remove_prefix(d.consumed);
        taken += d.consumed;
        ++count;
    }
    frame_done(taken, count);
    return frames{format, input_.data().substr(0, taken), count};
}

awaitable<std::optional<bytes_view>> core::read_some()
{
    begin_read();
    while (input_.empty()) {
        co_await next_input(unit_open_ ? waiting_for::rest_of_unit : waiting_for::next_unit);
        if (!input_came())
            co_return std::nullopt;
    }
    held_ = input_.size();
    co_return input_.data();
}

awaitable<std::optional<bytes_view>> core::read(std::size_t n)
{
    if (n == 0)
        throw std::invalid_argument{"read(0): expected at least 1 byte"};
    begin_read();
    while (input_.size() < n) {
        needed_ = n;
        co_await next_input(next_or_rest());
        if (!input_came()) {
            if (input_.empty() && !unit_open_)
                co_return std::nullopt;
            throw_unexpected_end(n);
        }
    }
    held_ = n;
    if (!unit_open_)
        frame_spent_ = duration::zero();
    co_return input_.data().substr(0, n);
}

awaitable<std::optional<bytes_view>> core::read_more(std::size_t have)
{
    begin_read();
    while (input_.size() <= have || !has_turn()) {
        co_await next_input(next_or_rest());
        if (!input_came()) {
            if (input_.empty() && !unit_open_)
                co_return std::nullopt;
            throw_unexpected_end(have + 1);
        }
    }
    co_return input_.data();
}

void core::consume(std::size_t n)
{
    if (n > input_.size() - held_)
        refuse_to_consume(n);
    input_.consume(std::exchange(held_, 0));
    frame_done(n, 1);
    input_.consume(std::exchange(held_, 0));
}

bool core::has_more_than(std::size_t n) noexcept
{
    if (input_.size() - held_ > n)
        return true;
    int waiting = 0;
    const int descriptor = with_stream([](auto& s) { return s.descriptor(); });
    return descriptor >= 0 && ::ioctl(descriptor, FIONREAD, &waiting) == 0 && waiting > 0;
}

void core::unit_allow(duration total) noexcept
{
    if (!unit_allowed_)
        frame_spent_ = duration::zero();
    unit_allowed_ = total;
}

// What can go wrong stands in functions of its own, so that the coroutines' frames have no room for its words.

void core::refuse_frame(const framing& format, const decoded& d) const
{
    throw frame_error{d.error, format.describe(d, input_.data())};
}

void core::throw_unexpected_end(std::size_t wanted) const
{
    throw described_error{errc::unexpected_end, "stream ended after " + std::to_string(input_.size()) + " of " +
                                                    std::to_string(wanted) + " bytes"};
}

void core::refuse_to_consume(std::size_t n) const
{
    throw std::out_of_range{"consume(" + std::to_string(n) + "): expected at most the " +
                            std::to_string(input_.size() - held_) + " bytes received"};
}

void core::refuse_second_read() const
{
    throw std::logic_error{"two reads of one connection at once"};
}

// After a wait: whether there is more, or (false) nothing more for good. Throws what went wrong.
bool core::input_came()
{
    switch (outcome_) {
    case input::more: return true;
    case input::ended:
    case input::drained: return false;
    case input::cancelled: throw_cancelled();
    case input::refused:
    case input::failed: break;
    }
    throw_error();
}

void core::throw_cancelled()
{
    throw system_error{boost::asio::error::operation_aborted};
}

void core::throw_error() const
{
    if (thrown_ != nullptr)
        std::rethrow_exception(thrown_);
    throw system_error{error_ ? error_ : error_code{errc::connection_closed}};
}

void core::throw_if_truncated(const framing& format) const
{
    switch (format.at_end(input_.data())) {
    case end_of_stream::clean: return;
    case end_of_stream::inside_head:
        throw frame_error{errc::truncated_head, format.describe(errc::truncated_head, input_.data())};
    case end_of_stream::inside_payload:
        throw frame_error{errc::truncated_payload, format.describe(errc::truncated_payload, input_.data())};
    }
}

// ---- The wait itself

void core::new_turn() noexcept
{
    turn_frames_ = turn_frames;
    turn_bytes_ = turn_bytes;
}

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
        return post_input(input::failed);
    if (peer_ended_)
        return post_input(input::ended);
    if (draining_ && what == waiting_for::next_unit)
        return drain_input();
    wait_since_ = loop_.now();
    loop_.arm(*this, after(wait_since_, look_every_));
    wait_for_input();
}

void core::wait_for_input()
{
    make_room();
    reading_ = true;
    if (input_.capacity() == 0) {
        awaits_ = awaiting::readability;
        with_stream([this](auto& s) { s.wait_readable(*this); });
    } else {
        awaits_ = awaiting::input;
        with_stream([this](auto& s) { s.read(*this, input_.space(), input_.space_size()); });
    }
}

// A buffer grows only when it is full of bytes that arrived, and shrinks after some reads that would not have needed it.
void core::make_room()
{
    const std::size_t capacity = input_.capacity();
    if (capacity == 0)
        return;
    if (input_.empty()) {
        if (full_read_ && capacity < largest_eager_read) {
            input_.release();
            input_.reserve(2 * capacity);
        } else if (small_reads_ >= small_reads_to_shrink && capacity > block_pool::block_size) {
            input_.release();
            input_.reserve(block_pool::block_size);
        }
    } else if (input_.space_size() < capacity / 2) {
        input_.compact();
        if (input_.space_size() == 0)
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
    if (input_.capacity() == 0)
        input_.reserve(block_pool::block_size);
    else
        make_room();
    error_code e;
    const std::size_t n = with_stream([&](auto& s) { return s.read_now(input_.space(), input_.space_size(), e); });
    if (n != 0) {
        received(n);
        return input::more;
    }
    if (e == boost::asio::error::would_block || e == boost::asio::error::try_again)
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
    note_tls_failure(e);
    fail(e);
    return input::failed;
}

void core::on_read(const error_code& e, std::size_t n)
{
    reading_ = false;
    const interruption why = std::exchange(interruption_, interruption::none);
    if (n != 0) {
        received(n);
        return finish_input(input::more);
    }
    if (e == boost::asio::error::operation_aborted)
        return input_interrupted(why);
    finish_input(stream_ended(e));
}

void core::on_readable(const error_code& e)
{
    reading_ = false;
    const interruption why = std::exchange(interruption_, interruption::none);
    if (state_ == connection_state::closing && !reader_)
        return continue_close();
    if (e == boost::asio::error::operation_aborted)
        return input_interrupted(why);
    if (const auto how = receive_now())
        return finish_input(*how);
    input_.release();
    wait_for_input();
}

void core::input_interrupted(interruption why)
{
    switch (why) {
    case interruption::none:
        if (failed_ || state_ == connection_state::closed)
            return finish_input(input::failed);
        return wait_for_input();
    case interruption::park:
        if (input_.empty())
            input_.release();
        return wait_for_input();
    case interruption::drain: return drain_input();
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

void core::post_input(input how)
{
    outcome_ = how;
    new_turn();
    boost::asio::post(loop_.context(), [keep = boost::intrusive_ptr<core>{this}] { keep->resume_reader(); });
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
}

void core::interrupt(interruption why) noexcept
{
    if (!reading_ || why <= interruption_)
        return;
    interruption_ = why;
    with_stream([](auto& s) { s.cancel(); });
}

void core::cancel_read() noexcept
{
    if (drain_flushing_) {
        drain_flushing_ = false;
        post_input(input::cancelled);
    } else {
        interrupt(interruption::user);
    }
}

// ---- Drain

void core::begin_drain()
{
    if (state_ != connection_state::open)
        return;
    state_ = connection_state::draining;
    draining_ = true;
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
    const input how = drained_ ? input::drained : receive_now().value_or(input::drained);
    drained_ = how == input::drained;
    post_input(how);
}

// ---- Clocks

time_point core::look(time_point now)
{
    if (now >= linger_until_) {
        close_now();
        return time_point::max();
    }
    const time_point next = std::min(look_at_input(now), look_at_output(now));
    return std::min(next, linger_until_);
}

// What the unit that has begun may take in all.
duration core::unit_time() const noexcept
{
    if (unit_allowed_)
        return *unit_allowed_;
    const duration frame = timeouts().frame;
    return frame == never ? never : frame + transfer_time(needed_);
}

time_point core::look_at_input(time_point now)
{
    if (wait_since_ == time_point::max())
        return time_point::max();
    if (waits_for_ == waiting_for::handshake)
        return look_at_handshake(now);
    const hawser::timeouts& t = timeouts();
    const bool idle = waits_for_ != waiting_for::rest_of_unit;
    const duration allowed = idle ? t.idle : unit_time();
    const time_point deadline = after(wait_since_, allowed == never || idle ? allowed : allowed - frame_spent_);
    if (deadline <= now) {
        fail(idle ? errc::idle_timeout : errc::frame_timeout);
        return time_point::max();
    }
    if (input_.capacity() == 0)
        return deadline;
    if (awaits_ == awaiting::input && input_.empty() && !sending_ && ++quiet_looks_ >= quiet_looks_to_park)
        interrupt(interruption::park);
    return std::min(deadline, after(now, look_every_));
}

} // namespace hawser::detail
