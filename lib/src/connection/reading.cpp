// SPDX-License-Identifier: BSL-1.0

// What connection's members await: frames, bytes, and what protocols parse in place. input.cpp waits for more.
#include "connection/core.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <stdexcept>

namespace hawser::detail {

inline void core::frame_done(std::size_t encoded, std::size_t count) noexcept
{
    held_ = encoded;
    scanned_ = 0;
    counts_.frames_in += count;
    loop_.counts.frames_in.add(count);
    turn_frames_ -= static_cast<std::int32_t>(count);
    turn_bytes_ -= static_cast<std::int32_t>(std::min<std::size_t>(encoded, turn_bytes));
    if (!unit_open_)
        unit_done();
    input_taken();
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
    if (!unit_open_)
        unit_done();
    input_taken();
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
        unit_done();
    input_taken();
    co_return input_.data().substr(0, n);
}

awaitable<std::optional<bytes_view>> core::read_more(std::size_t have)
{
    begin_read();
    while (has_at_most(have)) {
        co_await next_input(next_or_rest());
        if (!more_came(have))
            co_return std::nullopt;
    }
    co_return input_.data();
}

bool core::more_came(std::size_t have)
{
    if (input_came())
        return true;
    if (input_.empty() && !unit_open_)
        return false;
    throw_unexpected_end(have + 1);
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

} // namespace hawser::detail
