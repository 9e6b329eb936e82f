#include "end.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <stdexcept>

namespace fuzz {

using hawser::errc;
using hawser::frame_error;
using hawser::framing;
using hawser::system_error;

class end::counted
{
public:
    explicit counted(unsigned& n) noexcept : n_{n} { ++n_; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --n_; }

private:
    unsigned& n_;
};

void end::begin(connection& c, std::size_t high_water)
{
    peer = &c;
    high_water_ = high_water;
    asked_ = c.framing().limit() + framing::max_head;
}

void end::over()
{
    check();
    views_.clear();
    peer = nullptr;
}

void end::check() const
{
    for (const held& h : views_)
        require(h.view == h.bytes, "a view's bytes stay until the next read");
    if (peer != nullptr)
        require(peer->queued() <= high_water_ + largest_, "output is bounded by the high-water mark and one unit");
}

// A buffer holds twice what it is asked for at most, rounded up to a power of two.
std::size_t end::most_memory() const noexcept
{
    return 4 * (high_water_ + largest_ + asked_) + 160 * 1024;
}

awaitable<void> end::act(unsigned what, unsigned how)
{
    {
        const counted running{running_};
        try {
            co_await perform(what, how);
        } catch (const system_error& e) {
            failed(e);
        } catch (const std::runtime_error&) {
            require(life_.lossy, "what a posted function has thrown ends the session");
        }
    }
    done();
}

awaitable<void> end::perform(unsigned what, unsigned how)
{
    connection& c = *peer;
    switch (what) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6: co_await read(what, how); break;
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
    case 13:
    case 14:
    case 15:
    case 16: co_await write(what, how); break;
    case 17: co_await c.flush(); break;
    case 18: co_await c.closed(); break;
    case half_closes: co_await half_close(); break;
    case closes:
        life_.lossy = true;
        co_await c.close();
        break;
    case 21:
        life_.lossy = true;
        c.reset();
        break;
    case 22: c.unit_begin(); break;
    case 23: c.unit_end(); break;
    case 24: post(how); break;
    case 25: // a deadline, as below
        life_.lossy = true;
        c.unit_allow(std::chrono::milliseconds{how});
        break;
    default: // shorter deadlines
        life_.lossy = true;
        c.set_timeouts({.idle = std::chrono::seconds{1 + how}, .frame = std::chrono::seconds{1}});
    }
}

void end::failed(const system_error& e) const
{
    if (life_.lossy)
        return;
    if (e.code() == boost::asio::error::operation_aborted)
        return require(life_.cancelled, "only what is cancelled is aborted");
    if (e.code() == errc::shut_down)
        return require(ended_output, "only a half-closed connection refuses writes");
    if (e.code() == errc::unexpected_end)
        return require(other->ended_output, "only the end of the stream cuts what is read");
    std::fprintf(stderr, "%s: %s\n", hawser::symbol(e.code()).c_str(), e.what());
    require(false, "nothing fails without a cause");
}

// ---- Reading

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
    default: co_await read_frame_as(how % 2 == 0 ? framing::lines.with_limit(300) : framing::u8);
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
    asked_ = std::max(asked_, format.limit() + framing::max_head);
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
            co_await peer->read(0);
        } catch (const std::invalid_argument&) {
            co_return;
        }
        require(false, "read(0) is refused");
    }
    asked_ = std::max(asked_, n);
    const auto got = co_await peer->read(n);
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
    const bytes_view here = peer->received();
    in_.sees(here);
    const std::size_t have = how % 2 == 0 ? 0 : here.size();
    asked_ = std::max(asked_, have + 1);
    const auto got = co_await peer->read_more(have);
    if (!got) {
        nothing_came();
        co_return;
    }
    require(got->size() > have, "read_more(n) gives more than n bytes");
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

// ---- Writing

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
        const hawser::frames batch(format, wire, n);
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
