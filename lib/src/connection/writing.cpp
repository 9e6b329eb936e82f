// SPDX-License-Identifier: BSL-1.0

// What writers of a connection await. They append to its output; sending.cpp sends it.
#include "connection/core.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace hawser::inline v0_1::detail {

// ---- Appending, as most writes do it

// Where `size` bytes of output go: next to the last ones in the cork, most of the time.
inline char* connection_core::room_for(std::size_t size)
{
    char* const at = output_.room_in_cork(size);
    return at != nullptr ? at : other_room_for(size);
}

inline void connection_core::append(const framing& format, bytes_view frame)
{
    const bytes_view tail = format.tail(frame);
    ++counts_.frames_out;
    loop_.counts.frames_out.add(1);
    if (char* at = room_for(format.head_size(frame) + frame.size() + tail.size())) [[likely]] {
        at += format.encode_head(at, frame);
        at = std::copy(frame.begin(), frame.end(), at);
        if (!tail.empty())
            std::copy(tail.begin(), tail.end(), at);
    } else {
        append_large(format, frame);
    }
}

// ---- What connection's members await

awaitable<void> connection_core::write_frame(bytes_view frame, const framing* format)
{
    check_output();
    check_frame(*format, frame);
    output::turn turn;
    if (!output_.has_room())
        turn = co_await wait_for_room();
    append(*format, frame);
}

awaitable<void> connection_core::write_frame_as(bytes_view frame, framing format)
{
    co_await write_frame(frame, &format);
}

// In one piece, until something else is gathered on this loop.
bytes_view connection_core::gather(std::span<const bytes_view> pieces)
{
    std::string& all = loop_.frame_scratch;
    if (all.capacity() > cork::capacity)
        std::string{}.swap(all);
    all.clear();
    for (const bytes_view piece : pieces)
        all += piece;
    return all;
}

awaitable<void> connection_core::write_frame(std::span<const bytes_view> pieces)
{
    const framing& format = settings_->framing;
    check_output();
    bytes_view frame = gather(pieces);
    check_frame(format, frame);
    output::turn turn;
    if (!output_.has_room()) {
        turn = co_await wait_for_room();
        frame = gather(pieces);
    }
    append(format, frame);
}

bool connection_core::try_write_encoded(bytes_view frame)
{
    check_output();
    if (!output_.has_room())
        return false;
    ++counts_.frames_out;
    loop_.counts.frames_out.add(1);
    append(frame);
    return true;
}

bool connection_core::try_write_frame(bytes_view frame)
{
    check_output();
    check_frame(settings_->framing, frame);
    if (!output_.has_room())
        return false;
    append(settings_->framing, frame);
    return true;
}

awaitable<void> connection_core::write_frames(frames batch)
{
    check_output();
    for (auto at = batch.begin(); append_while_room(at, settings_->framing);) {
        const output::turn turn = co_await wait_for_room();
        append(settings_->framing, *at);
        ++at;
    }
}

// Appends frames as long as there is room, and says whether one is left that has to wait for it. A plain function: the
// variables of a coroutine live in memory.
bool connection_core::append_while_room(frames::iterator& at, const framing& format)
{
    for (; at != std::default_sentinel; ++at) {
        check_frame(format, *at);
        if (!output_.has_room())
            return true;
        append(format, *at);
    }
    return false;
}

bool connection_core::try_write(bytes_view bytes)
{
    check_output();
    if (!output_.has_room())
        return false;
    append_part(bytes);
    return true;
}

awaitable<std::size_t> connection_core::write_some(bytes_view bytes)
{
    check_output();
    output::turn turn;
    if (!output_.has_room())
        turn = co_await wait_for_room();
    const std::size_t n = std::min(bytes.size(), output_.room());
    append_part(bytes.substr(0, n));
    co_return n;
}

awaitable<void> connection_core::write(bytes_view bytes)
{
    check_output();
    for (bool begun = false; !bytes.empty(); begun = true) {
        output::turn turn;
        if (!output_.has_room()) {
            if (begun)
                output_.wrote(written::torn); // should it not go on
            turn = co_await wait_for_room();
        }
        const std::size_t n = std::min(bytes.size(), output_.room());
        append_part(bytes.substr(0, n));
        bytes.remove_prefix(n);
    }
}

awaitable<void> connection_core::write(std::span<const bytes_view> pieces)
{
    std::size_t total = 0;
    for (const bytes_view piece : pieces)
        total += piece.size();
    if (total > settings_->high_water)
        throw std::length_error{"write of several pieces: expected at most the high-water mark of " +
                                std::to_string(settings_->high_water) + " bytes, got " + std::to_string(total)};
    check_output();
    output::turn turn;
    if (!output_.has_room())
        turn = co_await wait_for_room();
    for (const bytes_view piece : pieces) {
        check_output(); // which the piece before may have ended
        append_part(piece);
    }
}

awaitable<void> connection_core::flush()
{
    flush_own_cork();
    if (output_.is_pending()) {
        waiting node;
        co_await output_.flushers().wait(node, loop_, this);
        node.check();
    }
    if (has_failed())
        throw_error();
}

// ---- Room

void connection_core::refuse_output() const
{
    if (has_failed() || !ending_.is_open())
        throw_error();
    throw hawser::error{errc::shut_down};
}

void connection_core::refuse_to_write(errc why, const framing& format, bytes_view frame) const
{
    throw frame_error{why, format.describe(why, frame)};
}

// A coroutine of its own, because few writers wait and each writer's frame would hold its node.
awaitable<output::turn> connection_core::wait_for_room()
{
    waiting node;
    co_await output_.writers().wait(node, loop_, this);
    node.check();
    output::turn turn = output_.take_turn();
    check_output();
    co_return turn;
}

// ---- Appending, as the other writes do it

// Of which only the handler knows whether they are a whole answer.
void connection_core::append_part(bytes_view bytes)
{
    output_.wrote(written::unknown);
    append(bytes);
}

void connection_core::append(bytes_view bytes)
{
    if (bytes.empty())
        return;
    if (char* at = room_for(bytes.size()))
        std::copy(bytes.begin(), bytes.end(), at);
    else
        write_through({bytes, {}});
}

void connection_core::append_large(const framing& format, bytes_view frame)
{
    std::array<char, framing::max_head> head;
    write_through({{head.data(), format.encode_head(head.data(), frame)}, frame});
    if (const bytes_view tail = format.tail(frame); !tail.empty())
        append(tail);
}

// Where the next `size` bytes of output go, already counted in; null if they are for the kernel.
char* connection_core::other_room_for(std::size_t size)
{
    output::place where = output_.where(size);
    if (where == output::place::behind_cork) {
        loop_.output_cork.flush();
        where = output_.where(size);
    }
    switch (where) {
    case output::place::kernel: return nullptr;
    case output::place::pending: return output_.extend_pending(size);
    case output::place::cork:
    case output::place::behind_cork: break;
    }
    loop_.flush_soon();
    return output_.take_cork(size);
}

} // namespace hawser::inline v0_1::detail
