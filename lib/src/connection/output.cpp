// SPDX-License-Identifier: BSL-1.0

// How a connection writes: through the loop's cork while the peer keeps up, through its own pending bytes while not.
//
//     append: pending bytes or a wait for the peer?  --> behind them
//             otherwise                              --> into the cork, which first is taken from its owner
//             does not fit the cork                  --> the cork is sent; what is larger than it goes to the kernel
//
//     the cork is sent: when its owner waits for input, when another connection needs it, when it is full, and once in
//     each turn of the loop. What the kernel does not take becomes the connection's pending bytes.
//
// A connection with pending bytes never owns the cork, and pending bytes always have a wait for writability under way.
// A writer waits before it appends, so memory is bounded by the high-water mark plus one frame, however many write.
#include "connection/core.hpp"
#include "values/system_call.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <stdexcept>

namespace hawser::detail {
namespace {

constexpr std::size_t most_at_once = 256 * 1024; // sent for one connection before others get their turn

// Once for each turn of the loop in which something was gathered.
struct posted_flush {
    loop* on;
    using allocator_type = place_allocator<void>;
    allocator_type get_allocator() const noexcept { return allocator_type{on->output_cork.place}; }
    void operator()() const
    {
        on->output_cork.posted = false;
        core::flush_cork(*on);
    }
};

void post_flush(loop& on) noexcept
{
    on.output_cork.posted = true;
    boost::asio::post(on.context(), posted_flush{&on});
}

} // namespace

// ---- Appending, as most writes do it

// Where `size` bytes of output go: next to the last ones in the cork, most of the time.
inline char* core::room_for(std::size_t size)
{
    cork& k = loop_.output_cork;
    if (k.owner != this || k.room() < size) [[unlikely]]
        return other_room_for(size);
    char* const at = k.bytes.data() + k.size;
    k.size += size;
    return at;
}

inline void core::append(const framing& format, bytes_view frame)
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

inline void core::admit_next() noexcept
{
    if (!writers_.empty() && queued() < settings_->high_water)
        admit_writers();
}

// ---- What connection's members await

awaitable<void> core::write_frame(bytes_view frame, const framing* format)
{
    check_output();
    check_frame(*format, frame);
    turn_to_write turn;
    if (!has_room())
        turn = co_await wait_for_room();
    append(*format, frame);
}

awaitable<void> core::write_frame_as(bytes_view frame, framing format)
{
    co_await write_frame(frame, &format);
}

// In one piece, until something else is gathered on this loop.
bytes_view core::gather(std::span<const bytes_view> pieces)
{
    std::string& all = loop_.gathered;
    if (all.capacity() > cork::capacity)
        std::string{}.swap(all);
    all.clear();
    for (const bytes_view piece : pieces)
        all += piece;
    return all;
}

awaitable<void> core::write_frame(std::span<const bytes_view> pieces)
{
    const framing& format = settings_->framing;
    check_output();
    bytes_view frame = gather(pieces);
    check_frame(format, frame);
    turn_to_write turn;
    if (!has_room()) {
        turn = co_await wait_for_room();
        frame = gather(pieces);
    }
    append(format, frame);
}

bool core::try_write_encoded(bytes_view frame)
{
    check_output();
    if (!has_room())
        return false;
    ++counts_.frames_out;
    loop_.counts.frames_out.add(1);
    append(frame);
    return true;
}

bool core::try_write_frame(bytes_view frame)
{
    check_output();
    check_frame(settings_->framing, frame);
    if (!has_room())
        return false;
    append(settings_->framing, frame);
    return true;
}

awaitable<void> core::write_frames(frames batch)
{
    check_output();
    for (auto at = batch.begin(); append_while_room(at, settings_->framing);) {
        const turn_to_write turn = co_await wait_for_room();
        append(settings_->framing, *at);
        ++at;
    }
}

// Appends frames as long as there is room, and says whether one is left that has to wait for it. A plain function: the
// variables of a coroutine live in memory.
bool core::append_while_room(frames::iterator& at, const framing& format)
{
    for (; at != std::default_sentinel; ++at) {
        check_frame(format, *at);
        if (!has_room())
            return true;
        append(format, *at);
    }
    return false;
}

bool core::try_write(bytes_view bytes)
{
    check_output();
    if (!has_room())
        return false;
    append_part(bytes);
    return true;
}

awaitable<std::size_t> core::write_some(bytes_view bytes)
{
    check_output();
    turn_to_write turn;
    if (!has_room())
        turn = co_await wait_for_room();
    const std::size_t n = std::min(bytes.size(), settings_->high_water - queued());
    append_part(bytes.substr(0, n));
    co_return n;
}

awaitable<void> core::write(bytes_view bytes)
{
    check_output();
    for (bool begun = false; !bytes.empty(); begun = true) {
        turn_to_write turn;
        if (!has_room()) {
            if (begun)
                answer_ = answer::torn; // should it not go on
            turn = co_await wait_for_room();
        }
        const std::size_t n = std::min(bytes.size(), settings_->high_water - queued());
        append_part(bytes.substr(0, n));
        bytes.remove_prefix(n);
    }
}

awaitable<void> core::write(std::span<const bytes_view> pieces)
{
    std::size_t total = 0;
    for (const bytes_view piece : pieces)
        total += piece.size();
    if (total > settings_->high_water)
        throw std::length_error{"write of several pieces: expected at most the high-water mark of " +
                                std::to_string(settings_->high_water) + " bytes, got " + std::to_string(total)};
    check_output();
    turn_to_write turn;
    if (!has_room())
        turn = co_await wait_for_room();
    for (const bytes_view piece : pieces) {
        check_output(); // which the piece before may have ended
        append_part(piece);
    }
}

awaitable<void> core::flush()
{
    if (loop_.output_cork.owner == this)
        flush_cork(loop_);
    if (!output_.empty()) {
        waiting node;
        co_await flushers_.wait(node, loop_, this);
        node.check();
    }
    if (has_failed())
        throw_error();
}

// ---- Room

void core::refuse_output() const
{
    if (has_failed() || state_ == connection_state::closing || state_ == connection_state::closed)
        throw_error();
    throw system_error{errc::shut_down};
}

void core::refuse_to_write(errc why, const framing& format, bytes_view frame) const
{
    throw frame_error{why, format.describe(why, frame)};
}

// A coroutine of its own, because few writers wait and each writer's frame would hold its node.
awaitable<core::turn_to_write> core::wait_for_room()
{
    waiting node;
    co_await writers_.wait(node, loop_, this);
    node.check();
    writer_admitted_ = false;
    turn_to_write turn{*this};
    check_output();
    co_return turn;
}

// One at a time: the next is admitted when this one has appended, so that together they pass the mark by one frame.
void core::admit_writers() noexcept
{
    if (writer_admitted_ || writers_.empty())
        return;
    writer_admitted_ = true;
    writers_.wake_one();
}

// ---- Appending, as the other writes do it

// Of which only the handler knows whether they are a whole answer.
void core::append_part(bytes_view bytes)
{
    answer_ = answer::unknown;
    append(bytes);
}

void core::append(bytes_view bytes)
{
    if (bytes.empty())
        return;
    if (char* at = room_for(bytes.size()))
        std::copy(bytes.begin(), bytes.end(), at);
    else
        write_through({bytes, {}});
}

void core::append_large(const framing& format, bytes_view frame)
{
    std::array<char, framing::max_head> head;
    write_through({{head.data(), format.encode_head(head.data(), frame)}, frame});
    if (const bytes_view tail = format.tail(frame); !tail.empty())
        append(tail);
}

// Where the next `size` bytes of output go, already counted in; null if they are too many for the cork and nothing is
// before them, so that they can go to the kernel directly.
char* core::other_room_for(std::size_t size)
{
    cork& k = loop_.output_cork;
    if (output_.empty()) {
        if (k.owner != this || k.room() < size)
            flush_cork(loop_);
        if (output_.empty()) {
            if (size > cork::capacity)
                return nullptr;
            if (!k.posted)
                post_flush(loop_);
            k.owner = this;
            char* const at = k.bytes.data() + k.size;
            k.size += size;
            return at;
        }
    }
    output_.reserve(size);
    char* const at = output_.space();
    output_.commit(size);
    return at;
}

void core::write_through(two_pieces pieces) noexcept
{
    error_code e;
    std::size_t n = with_stream([&](auto& s) { return s.write_now(pieces, e); });
    output_moved(n);
    if (e && !would_block(e))
        return break_off(e);
    if (n == pieces.size())
        return admit_writers(); // nothing is queued now; with a low mark they may wait for the cork alone
    const std::size_t of_first = std::min(n, pieces.first.size());
    pieces.first.remove_prefix(of_first);
    pieces.second.remove_prefix(n - of_first);
    try {
        output_.reserve(pieces.size());
    } catch (const std::bad_alloc&) { // a part of a frame may be on its way: the stream cannot go on
        return break_off(make_error_code(boost::system::errc::not_enough_memory));
    }
    output_.append(pieces.first);
    output_.append(pieces.second);
    start_sending();
}

void core::flush_cork(loop& on) noexcept
{
    cork& k = on.output_cork;
    core* const c = static_cast<core*>(std::exchange(k.owner, nullptr));
    const bytes_view bytes{k.bytes.data(), std::exchange(k.size, 0)};
    if (c == nullptr || bytes.empty())
        return;
    c->write_through({bytes, {}});
}

// ---- Sending what is pending

void core::start_sending() noexcept
{
    sending_ = true;
    sending_since_ = loop_.now();
    sending_from_ = acknowledged();
    loop_.arm(*this, after(sending_since_, look_every_));
    with_stream([this](auto& s) { s.wait_writable(*this); });
}

void core::on_writable()
{
    if (state_ == connection_state::closed || output_.empty()) {
        sending_ = false;
        if (output_ended_ && !broken_ && state_ != connection_state::closed) {
            end_output();
            if (state_ == connection_state::closing)
                continue_close();
        }
        return;
    }
    send_pending();
}

void core::send_pending() noexcept
{
    error_code e;
    for (std::size_t sent = 0; sent < most_at_once && !output_.empty() && !e;) {
        const std::size_t n = with_stream([&](auto& s) { return s.write_now({output_.data(), {}}, e); });
        output_moved(n);
        output_.consume(n);
        sent += n;
    }
    if (e && !would_block(e)) {
        sending_ = false;
        return break_off(e);
    }
    if (output_.size() <= settings_->low_water)
        admit_writers();
    if (!output_.empty())
        return with_stream([this](auto& s) { s.wait_writable(*this); });
    sending_ = false;
    output_.release();
    flushers_.wake_all();
    if (drain_flushing_) {
        drain_flushing_ = false;
        drain_input();
    }
    if (state_ == connection_state::closing)
        continue_close();
}

void core::output_moved(std::size_t n) noexcept
{
    counts_.bytes_out += n;
    loop_.counts.bytes_out.add(n);
    if (wait_since_ != time_point::max() && waits_for_ != waiting_for::rest_of_unit)
        wait_since_ = loop_.now(); // idle counts from the last byte in either direction
}

void core::drop_output() noexcept
{
    output_.release();
    if (loop_.output_cork.owner == this) {
        loop_.output_cork.owner = nullptr;
        loop_.output_cork.size = 0;
    }
}

// ---- The write rule

std::uint64_t core::acknowledged() noexcept
{
    const std::size_t in_flight = with_stream([](auto& s) { return s.unacknowledged(); });
    return counts_.bytes_out - std::min<std::uint64_t>(in_flight, counts_.bytes_out);
}

time_point core::look_at_output(time_point now)
{
    const duration window = timeouts().write;
    if (!sending_ || window == never)
        return time_point::max();
    const time_point due = after(sending_since_, window);
    if (now < due)
        return due;
    const std::uint64_t acked = acknowledged();
    const auto wanted = static_cast<std::uint64_t>(std::chrono::duration<double>(window).count() * write_rate);
    if (acked < sending_from_ + std::max<std::uint64_t>(wanted, 1)) {
        break_off(errc::write_timeout);
        return time_point::max();
    }
    sending_since_ = now;
    sending_from_ = acked;
    return after(now, window);
}

} // namespace hawser::detail
