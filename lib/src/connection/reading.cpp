// SPDX-License-Identifier: BSL-1.0

// What readers of a connection await: frames and bytes.
#include "connection/core.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <stdexcept>

namespace hawser::inline v0_1::detail {

awaitable<std::optional<bytes_view>> connection_core::read_frame(const framing* format)
{
    begin_read();
    for (;;) {
        if (input_.has_turn() && !input_.empty()) {
            const decoded d = input_.decode(*format);
            if (d.state == decoded::status::complete) {
                frames_done(d.consumed, 1);
                co_return d.frame;
            }
            if (d.state == decoded::status::refused)
                refuse_frame(*format, d);
            input_.needs(d.needed);
        }
        co_await next_input(next_or_rest());
        if (!input_came()) {
            throw_if_truncated(*format);
            co_return std::nullopt;
        }
    }
}

awaitable<std::optional<bytes_view>> connection_core::read_frame_as(framing format)
{
    co_return co_await read_frame(&format);
}

awaitable<std::optional<frames>> connection_core::read_frames()
{
    begin_read();
    for (;;) {
        if (input_.has_turn() && !input_.empty()) {
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

// The whole frames at the front of the input, as many as make one turn.
std::optional<frames> connection_core::take_frames()
{
    const framing& format = settings_->framing;
    decoded d;
    const auto [bytes, count] = input_.decode_batch(format, d);
    if (count != 0) {
        frames_done(bytes.size(), count);
        return core_access::batch(format, bytes, count);
    }
    if (d.state == decoded::status::refused)
        refuse_frame(format, d);
    input_.needs(d.needed);
    return std::nullopt;
}

awaitable<std::optional<bytes_view>> connection_core::read_some()
{
    begin_read();
    while (input_.empty()) {
        co_await next_input(next_or_rest());
        if (!input_came())
            co_return std::nullopt;
    }
    const bytes_view all = input_.hand_out(input_.size());
    handed_out();
    co_return all;
}

awaitable<std::optional<bytes_view>> connection_core::read_exactly(std::size_t n)
{
    if (n == 0)
        throw std::invalid_argument{"read_exactly(0): expected at least 1 byte"};
    begin_read();
    while (input_.size() < n) {
        input_.needs(n);
        co_await next_input(next_or_rest());
        if (!input_came()) {
            if (input_.between_units())
                co_return std::nullopt;
            throw_unexpected_end(n);
        }
    }
    const bytes_view first = input_.hand_out(n);
    handed_out();
    co_return first;
}

void connection_core::consume(std::size_t n)
{
    if (n > input_.unread().size())
        refuse_to_consume(n);
    input_.end_view();
    frames_done(n, 1);
    input_.end_view();
}

bool connection_core::has_more_than(std::size_t n) noexcept
{
    if (input_.unread().size() > n)
        return true;
    int waiting = 0;
    const int fd = descriptor();
    return fd >= 0 && ::ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

void connection_core::begin_unit()
{
    if (input_.unit_is_open())
        throw std::logic_error{"two units of one connection at once"};
    input_.begin_unit();
    deadlines_.begin_unit();
}

// What can go wrong stands in functions of its own, so that the coroutines' frames have no room for its words.

void connection_core::refuse_frame(const framing& format, const decoded& d) const
{
    throw frame_error{d.error, format.describe(d, input_.data())};
}

void connection_core::throw_unexpected_end(std::size_t wanted) const
{
    throw hawser::error{errc::unexpected_end, "stream ended after " + std::to_string(input_.size()) + " of " +
                                                  std::to_string(wanted) + " bytes"};
}

void connection_core::refuse_to_consume(std::size_t n) const
{
    throw std::out_of_range{"consume(" + std::to_string(n) + "): expected at most the " +
                            std::to_string(input_.unread().size()) + " bytes buffered"};
}

// After a wait: whether there is more, or (false) nothing more for good. Throws what went wrong.
bool connection_core::input_came() const
{
    switch (input_.how()) {
    case outcome::more: return true;
    case outcome::ended:
    case outcome::drained: return false;
    case outcome::cancelled: throw_cancelled();
    case outcome::refused:
    case outcome::failed: break;
    }
    throw_error();
}

void connection_core::throw_cancelled()
{
    throw hawser::error{boost::asio::error::operation_aborted};
}

void connection_core::throw_error() const
{
    if (thrown() != nullptr)
        std::rethrow_exception(thrown());
    throw hawser::error{error() ? error() : error_code{errc::connection_closed}};
}

void connection_core::throw_if_truncated(const framing& format) const
{
    switch (format.at_end(input_.data())) {
    case end_of_stream::clean: return;
    case end_of_stream::inside_head:
        throw frame_error{errc::truncated_head, format.describe(errc::truncated_head, input_.data())};
    case end_of_stream::inside_payload:
        throw frame_error{errc::truncated_payload, format.describe(errc::truncated_payload, input_.data())};
    }
}

} // namespace hawser::inline v0_1::detail
