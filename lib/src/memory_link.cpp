#include "memory_link.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace hawser::detail {

namespace {
const error_code aborted = boost::asio::error::operation_aborted;
}

bool memory_link::readable(unsigned side) const noexcept
{
    const direction& d = directions_[1 - side];
    return d.read_error || (!d.stalled && (!d.bytes.empty() || d.ended));
}

bool memory_link::writable(unsigned side) const noexcept
{
    const direction& d = directions_[side];
    return d.write_error || d.gone || d.bytes.size() < d.capacity;
}

std::size_t memory_link::take(unsigned side, char* into, std::size_t size, error_code& e) noexcept
{
    direction& d = directions_[1 - side];
    e = {};
    if (d.read_error) {
        e = d.read_error;
        return 0;
    }
    if (!readable(side)) {
        e = boost::asio::error::would_block;
        return 0;
    }
    if (d.bytes.empty()) {
        e = boost::asio::error::eof;
        return 0;
    }
    const std::size_t n = std::min({size, d.chunk, d.bytes.size()});
    std::copy_n(d.bytes.begin(), n, into);
    d.bytes.erase(0, n);
    changed();
    return n;
}

std::size_t memory_link::give(unsigned side, two_pieces from, error_code& e) noexcept
{
    direction& d = directions_[side];
    e = {};
    if (d.write_error)
        e = d.write_error;
    else if (d.gone || d.ended)
        e = boost::asio::error::broken_pipe;
    else if (!writable(side))
        e = boost::asio::error::would_block;
    if (e)
        return 0;
    const std::size_t n = std::min(from.size(), d.capacity - d.bytes.size());
    d.bytes.append(from.first.substr(0, n));
    if (n > from.first.size())
        d.bytes.append(from.second.substr(0, n - from.first.size()));
    ++d.writes;
    changed();
    return n;
}

void memory_link::changed()
{
    if (std::exchange(posted_, true))
        return;
    boost::asio::post(loop_.context(), [self = shared_from_this()] {
        self->posted_ = false;
        self->complete(0);
        self->complete(1);
    });
}

void memory_link::complete(unsigned side)
{
    end& at = ends_[side];
    if (at.writer && (at.cancelled_output || writable(side))) {
        const auto writer = std::move(at.writer);
        writer->on_writable(std::exchange(at.cancelled_output, false) ? aborted : error_code{});
    }
    if (at.input == input_operation::none || !(at.cancelled_input || readable(side)))
        return;
    const auto reader = std::move(at.reader);
    const input_operation what = std::exchange(at.input, input_operation::none);
    const bool cancelled = std::exchange(at.cancelled_input, false);
    error_code e = cancelled ? aborted : error_code{};
    if (what == input_operation::wait)
        return reader->on_readable(e);
    const std::size_t n = cancelled ? 0 : take(side, at.into, at.size, e);
    reader->on_read(e, n);
}

void memory_link::cancel(unsigned side)
{
    end& at = ends_[side];
    at.cancelled_input = at.input != input_operation::none;
    at.cancelled_output = at.writer != nullptr;
    changed();
}

void memory_link::close(unsigned side)
{
    if (std::exchange(ends_[side].closed, true))
        return;
    from(side).ended = true;
    to(side).gone = true;
    cancel(side);
}

void memory_link::abandon(unsigned side) noexcept
{
    end& at = ends_[side];
    at.input = input_operation::none;
    at.reader.reset();
    at.writer.reset();
}

memory_stream::memory_stream(std::shared_ptr<memory_link> link, unsigned side) noexcept
    : link_{std::move(link)}, side_{side}
{}

memory_stream::~memory_stream()
{
    if (link_)
        link_->close(side_);
}

void memory_stream::read(core& c, char* into, std::size_t size)
{
    memory_link::end& at = link_->ends_[side_];
    at.input = memory_link::input_operation::read;
    at.reader = &c;
    at.into = into;
    at.size = size;
    link_->changed();
}

void memory_stream::wait_readable(core& c)
{
    memory_link::end& at = link_->ends_[side_];
    at.input = memory_link::input_operation::wait;
    at.reader = &c;
    link_->changed();
}

void memory_stream::wait_writable(core& c)
{
    link_->ends_[side_].writer = &c;
    link_->changed();
}

std::size_t memory_stream::read_now(char* into, std::size_t size, error_code& e) noexcept
{
    return link_->take(side_, into, size, e);
}

std::size_t memory_stream::write_now(two_pieces from, error_code& e) noexcept
{
    return link_->give(side_, from, e);
}

void memory_stream::cancel() noexcept
{
    link_->cancel(side_);
}

bool memory_stream::end_output() noexcept
{
    link_->from(side_).ended = true;
    link_->changed();
    return true;
}

void memory_stream::close() noexcept
{
    link_->close(side_);
}

void memory_stream::abandon() noexcept
{
    link_->abandon(side_);
}

void memory_stream::reset() noexcept
{
    link_->from(side_).bytes.clear();
    link_->from(side_).read_error = boost::asio::error::connection_reset;
    link_->close(side_);
}

std::size_t memory_stream::unacknowledged() noexcept
{
    return link_->from(side_).bytes.size();
}

} // namespace hawser::detail
