// SPDX-License-Identifier: BSL-1.0

// What one end reads, and what of it has to be so.
#include "end.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>

namespace fuzz {

using hawser::frame_error;
using hawser::framing;
using hawser::system_error;

void end::begin_read()
{
    check();
    views_.clear();
}

void end::keep(bytes_view view)
{
    views_.push_back({view, std::string{view}});
}

void end::nothing_came() const
{
    const bool all = in_.has_all() || other->writing() != 0; // which the end of the output has refused
    require(life_.lossy || (other->ended_output && all), "the stream ends where it was ended");
}

void end::refused(const framing& format) const
{
    if (!life_.lossy)
        in_.refused(format);
}

awaitable<void> end::read(unsigned what, unsigned how)
{
    if (reading_) {
        co_await read_second();
        co_return;
    }
    begin_read();
    struct mark {
        explicit mark(bool& m) noexcept : marked{m} { marked = true; }
        ~mark() { marked = false; }
        bool& marked;
    } const reads{reading_};
    switch (what) {
    case 0: co_await read_frame(); break;
    case 1: co_await read_frames(); break;
    case 2: co_await read_some(); break;
    case 3: co_await read_exactly(how); break;
    case 4: co_await read_in_place(how); break;
    case 5: co_await read_stream(how); break;
    default: co_await read_frame_as(how % 2 == 0 ? framing::lines.with_max_payload(300) : framing::u8);
    }
}

awaitable<void> end::read_second()
{
    try {
        co_await peer->read_some();
    } catch (const std::logic_error&) {
        co_return;
    }
    require(false, "a second read at once is refused");
}

awaitable<void> end::read_frame()
{
    try {
        const auto got = co_await peer->read_frame();
        if (!got) {
            nothing_came();
            co_return;
        }
        in_.took_frame(peer->framing(), *got);
        keep(*got);
    } catch (const frame_error&) {
        refused(peer->framing());
    }
}

awaitable<void> end::read_frame_as(framing format)
{
    asked_ = std::max(asked_, format.max_payload() + framing::max_head);
    try {
        const auto got = co_await peer->read_frame(format);
        if (!got) {
            nothing_came();
            co_return;
        }
        in_.took_frame(format, *got);
        keep(*got);
    } catch (const frame_error&) {
        refused(format);
    }
}

awaitable<void> end::read_frames()
{
    try {
        const auto got = co_await peer->read_frames();
        if (!got) {
            nothing_came();
            co_return;
        }
        std::size_t n = 0;
        for (const bytes_view frame : *got) {
            in_.took_frame(peer->framing(), frame);
            keep(frame);
            ++n;
        }
        require(n == got->size() && n >= 1 && n <= 64, "read_frames() gives 1 to 64 frames");
    } catch (const frame_error&) {
        refused(peer->framing());
    }
}

awaitable<void> end::read_some()
{
    const auto got = co_await peer->read_some();
    if (!got) {
        nothing_came();
        co_return;
    }
    require(!got->empty(), "read_some() gives a byte or more");
    in_.took(*got);
    keep(*got);
}

awaitable<void> end::read_exactly(std::size_t n)
{
    if (n == 0) {
        try {
            co_await peer->read_exactly(0);
        } catch (const std::invalid_argument&) {
            co_return;
        }
        require(false, "read(0) is refused");
    }
    asked_ = std::max(asked_, n);
    const auto got = co_await peer->read_exactly(n);
    if (!got) {
        nothing_came();
        co_return;
    }
    require(got->size() == n, "read(n) gives n bytes");
    in_.took(*got);
    keep(*got);
}

awaitable<void> end::read_in_place(unsigned how)
{
    const bytes_view here = peer->buffered();
    in_.sees(here);
    const std::size_t have = how % 2 == 0 ? 0 : here.size();
    asked_ = std::max(asked_, have + 1);
    std::optional<bytes_view> got;
    if (how < 128) {
        got = co_await peer->fill(have);
    } else {
        co_await peer->wait_for_input(have);
        got = peer->buffered();
        if (got->empty())
            got.reset();
    }
    if (!got) {
        nothing_came();
        co_return;
    }
    require(got->size() > have, "fill(n) gives more than n bytes");
    in_.sees(*got);
    const std::size_t n = how / 2 % (got->size() + 2);
    try {
        peer->consume(n);
    } catch (const std::out_of_range&) {
        require(n > got->size(), "what has come can be consumed");
        co_return;
    }
    require(n <= got->size(), "no more than has come can be consumed");
    in_.took(got->substr(0, n));
    keep(got->substr(0, n));
}

awaitable<void> end::read_stream(unsigned how)
{
    std::string into(how, '\0');
    try {
        const std::size_t n = co_await peer->async_read_some(boost::asio::buffer(into), boost::asio::use_awaitable);
        require(n <= how && (n != 0 || how == 0), "a stream's read gives a byte or more");
        in_.took(bytes_view{into}.substr(0, n));
    } catch (const system_error& e) {
        if (e.code() != boost::asio::error::eof)
            throw;
        nothing_came();
    }
}

awaitable<void> end::read_all()
{
    {
        const counted running{running_};
        reading_ = true;
        try {
            for (;;) {
                begin_read();
                const auto got = co_await peer->read_some();
                if (!got)
                    break;
                in_.took(*got);
                keep(*got);
            }
            nothing_came();
        } catch (const system_error& e) {
            failed(e);
        } catch (const std::runtime_error&) {
            require(life_.lossy, "what a posted function has thrown ends the session");
        }
        reading_ = false;
    }
    done();
}

} // namespace fuzz
