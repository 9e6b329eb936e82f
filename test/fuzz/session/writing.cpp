// SPDX-License-Identifier: BSL-1.0

// What one end writes and posts, and how it ends its output.
#include "end.hpp"

#include "connection/core.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <stdexcept>

namespace fuzz {

using hawser::frame_error;
using hawser::framing;
using hawser::system_error;

std::string end::payload(unsigned how)
{
    std::size_t size = how < 192 ? how : std::size_t{how - 191} * (how - 191) * 12;
    if (size > life_.budget)
        size %= 16;
    life_.budget -= std::min(life_.budget, size);
    std::string made(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        made[i] = static_cast<char>('a' + (life_.number + i) % 26);
    ++life_.number;
    largest_ = std::max(largest_, size + framing::max_head + framing::max_tail);
    return made;
}

void end::accepted(bytes_view wire)
{
    out_.sent(wire);
}

awaitable<void> end::write(unsigned what, unsigned how)
{
    if (alone_)
        co_return;
    const bool for_itself = what == 9 || what == 12 || what == 15;
    if (for_itself && writing_ != 0)
        co_return;
    const counted writing{writing_};
    struct mark {
        mark(bool& m, bool set) noexcept : marked{m} { marked = set; }
        ~mark() { marked = false; }
        bool& marked;
    } const alone{alone_, for_itself};
    switch (what) {
    case 7: co_await write_frame(how); break;
    case 8: co_await write_frame_pieces(how); break;
    case 9: co_await write_bytes(how); break;
    case 10: co_await write_some(how); break;
    case 11: co_await write_pieces(how); break;
    case 12: co_await write_batch(how); break;
    case 13: try_write_frame(how); break;
    case 14: try_write(how); break;
    case 15: co_await write_stream(how); break;
    default: co_await write_frame_as(how, how % 2 == 0 ? framing::netstring : framing::u16_be);
    }
    if (for_itself)
        out_.settle();
}

awaitable<void> end::write_frame(unsigned how)
{
    const std::string frame = payload(how);
    const bool fits = !peer->framing().check(frame);
    try {
        co_await peer->write_frame(frame);
        require(fits, "a frame that its format refuses is not written");
        accepted(encoded(peer->framing(), frame));
    } catch (const frame_error&) {
        require(!fits, "a frame that its format takes is written");
    }
}

awaitable<void> end::write_frame_as(unsigned how, framing format)
{
    const std::string frame = payload(how);
    co_await peer->write_frame(frame, format);
    accepted(encoded(format, frame));
}

awaitable<void> end::write_frame_pieces(unsigned how)
{
    const std::string frame = payload(how);
    const bytes_view all{frame};
    const std::array<bytes_view, 3> pieces{all.substr(0, frame.size() / 3), bytes_view{}, all.substr(frame.size() / 3)};
    const bool fits = !peer->framing().check(frame);
    try {
        co_await peer->write_frame(pieces);
        require(fits, "a frame that its format refuses is not written");
        accepted(encoded(peer->framing(), frame));
    } catch (const frame_error&) {
        require(!fits, "a frame that its format takes is written");
    }
}

awaitable<void> end::write_bytes(unsigned how)
{
    const std::string bytes = payload(how);
    out_.begin(bytes);
    try {
        co_await peer->write(bytes);
    } catch (const system_error&) {
        out_.fail();
        throw;
    }
}

awaitable<void> end::write_some(unsigned how)
{
    const std::string bytes = payload(how);
    const std::size_t n = co_await peer->write_some(bytes);
    require(n <= bytes.size() && (n != 0 || bytes.empty()), "write_some() takes a byte or more");
    accepted(bytes_view{bytes}.substr(0, n));
}

awaitable<void> end::write_pieces(unsigned how)
{
    const std::string bytes = payload(how);
    const bytes_view all{bytes};
    const std::array<bytes_view, 2> pieces{all.substr(0, bytes.size() / 2), all.substr(bytes.size() / 2)};
    try {
        co_await peer->write(pieces);
        require(bytes.size() <= high_water_, "pieces above the high-water mark are refused");
        accepted(bytes);
    } catch (const std::length_error&) {
        require(bytes.size() > high_water_, "pieces up to the high-water mark are taken");
    }
}

// Some frames of its own making, as if they had been read.
awaitable<void> end::write_batch(unsigned how)
{
    const framing& format = peer->framing();
    std::string wire;
    std::size_t n = 0;
    for (unsigned i = 0; i < how % 8; ++i) {
        const std::string frame = payload(how);
        if (format.check(frame))
            continue;
        wire += encoded(format, frame);
        ++n;
    }
    out_.begin(wire);
    try {
        const hawser::frames batch = hawser::detail::core_access::batch(format, wire, n);
        co_await peer->write_frames(batch);
    } catch (const system_error&) {
        out_.fail();
        throw;
    }
}

awaitable<void> end::write_stream(unsigned how)
{
    const std::string bytes = payload(how);
    const std::array<boost::asio::const_buffer, 2> pieces{
        boost::asio::buffer(bytes.data(), bytes.size() / 2),
        boost::asio::buffer(bytes.data() + bytes.size() / 2, bytes.size() - bytes.size() / 2)};
    out_.begin(bytes);
    try {
        const std::size_t n = co_await peer->async_write_some(pieces, boost::asio::use_awaitable);
        require(n <= bytes.size() && (n != 0 || bytes.empty()), "a stream's write takes a byte or more");
        out_.cut(n);
    } catch (const system_error&) {
        out_.fail();
        throw;
    }
}

void end::try_write_frame(unsigned how)
{
    const std::string frame = payload(how);
    const bool fits = !peer->framing().check(frame);
    try {
        const bool written = peer->try_write_frame(frame);
        require(fits, "a frame that its format refuses is not written");
        if (written)
            accepted(encoded(peer->framing(), frame));
    } catch (const frame_error&) {
        require(!fits, "a frame that its format takes is written");
    }
}

void end::try_write(unsigned how)
{
    const std::string bytes = payload(how);
    if (peer->try_write(bytes))
        accepted(bytes);
}

// From another thread's point of view; its exception ends the session.
void end::post(unsigned how)
{
    const bool throws = how == 255;
    life_.lossy = life_.lossy || throws;
    peer->handle().post([this, how, throws](connection& c) {
        if (throws)
            throw std::runtime_error{"posted"};
        require(peer != nullptr && c.state() == peer->state(), "a function runs while its session does");
        if (alone_)
            return;
        try {
            try_write_frame(how);
        } catch (const system_error& e) {
            failed(e);
        }
    });
}

awaitable<void> end::half_close()
{
    ended_output = true;
    co_await peer->half_close();
}

} // namespace fuzz
