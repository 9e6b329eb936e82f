// SPDX-License-Identifier: BSL-1.0
#include "transport/memory_link.hpp"

#include <algorithm>

namespace hawser::inline v0_1::detail {

// How many of a direction's bytes can be read now.
std::size_t memory_link::arrived(const direction& d) const noexcept
{
    if (d.stalled)
        return 0;
    std::uint64_t most = std::min({d.bytes.size() + d.read, d.reset_after, d.end_after});
    if (const auto late = std::find_if(d.arrivals.begin(), d.arrivals.end(),
                                       [now = loop_.now()](const auto& a) { return a.first > now; });
        late != d.arrivals.end())
        most = std::min(most, late == d.arrivals.begin() ? d.read : std::prev(late)->second);
    return static_cast<std::size_t>(most - std::min(most, d.read));
}

bool memory_link::has_ended(const direction& d) const noexcept
{
    return !d.stalled && (d.read >= d.end_after || (d.ended && d.bytes.empty() && d.end_arrives <= loop_.now()));
}

bool memory_link::readable(unsigned side) const noexcept
{
    const direction& d = directions_[1 - side];
    return d.read_error || arrived(d) != 0 || has_ended(d);
}

bool memory_link::resumes_reader(unsigned side) const noexcept
{
    const attached& at = ends_[side];
    return at.cancelled_input || (at.for_reset ? bool{directions_[1 - side].read_error} : readable(side));
}

bool memory_link::writable(unsigned side) const noexcept
{
    const direction& d = directions_[side];
    return d.write_error || d.gone || d.bytes.size() < d.capacity;
}

std::size_t memory_link::room(unsigned side) const noexcept
{
    const direction& d = directions_[side];
    return d.capacity - std::min(d.capacity, d.bytes.size());
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
    if (arrived(d) == 0) {
        e = boost::asio::error::eof;
        return 0;
    }
    const std::size_t n = std::min({size, d.chunk, arrived(d)});
    std::copy_n(d.bytes.begin(), n, into);
    consume(d, n);
    changed();
    return n;
}

void memory_link::consume(direction& d, std::size_t n) noexcept
{
    d.bytes.erase(0, n);
    d.read += n;
    while (!d.arrivals.empty() && d.arrivals.front().second <= d.read)
        d.arrivals.pop_front();
    if (d.read >= d.end_after)
        d.bytes.clear(); // nobody is going to read it
    if (d.read >= d.reset_after)
        break_off();
}

std::size_t memory_link::give_all(unsigned side, std::span<const bytes_view> from, error_code& e) noexcept
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
    const std::size_t most = room(side);
    std::size_t n = 0;
    for (const bytes_view piece : from) {
        const bytes_view taken = piece.substr(0, most - n);
        if (!taken.empty())
            append(side, taken);
        n += taken.size();
    }
    ++d.writes;
    changed();
    return n;
}

void memory_link::append(unsigned side, bytes_view bytes)
{
    direction& d = directions_[side];
    if (d.read >= d.end_after)
        return;
    d.bytes.append(bytes);
    if (d.delay != duration::zero() || !d.arrivals.empty())
        d.arrivals.emplace_back(after(loop_.now(), d.delay), d.read + d.bytes.size());
}

void memory_link::break_off()
{
    for (direction& d : directions_)
        d.read_error = d.write_error = boost::asio::error::connection_reset;
    changed();
}

void memory_link::changed() noexcept
{
    loop_.ask(*this, shared_from_this());
}

void memory_link::called()
{
    complete(0);
    complete(1);
}

void memory_link::complete(unsigned side)
{
    attached& at = ends_[side];
    if (at.writer && (at.cancelled_output || writable(side))) {
        const auto writer = std::move(at.writer);
        at.cancelled_output = false;
        writer->on_writable();
    }
    if (at.reader && resumes_reader(side)) {
        const auto reader = std::move(at.reader);
        const bool cancelled = std::exchange(at.cancelled_input, false);
        reader->on_readable(cancelled ? error_code{boost::asio::error::operation_aborted} : error_code{});
    }
}

void memory_link::cancel(unsigned side)
{
    attached& at = ends_[side];
    at.cancelled_input = at.reader != nullptr;
    changed();
}

void memory_link::end(unsigned side) noexcept
{
    direction& d = directions_[side];
    if (!std::exchange(d.ended, true))
        d.end_arrives = after(loop_.now(), d.delay);
    changed();
}

void memory_link::close(unsigned side)
{
    if (std::exchange(ends_[side].closed, true))
        return;
    end(side);
    to(side).gone = true;
    ends_[side].cancelled_output = ends_[side].writer != nullptr;
    cancel(side);
}

void memory_link::abandon(unsigned side) noexcept
{
    attached& at = ends_[side];
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

void memory_stream::wait_readable(stream_owner& c)
{
    link_->probe(side_, "wait for input");
    link_->ends_[side_].reader = &c;
    link_->ends_[side_].for_reset = false;
    link_->changed();
}

void memory_stream::wait_gone(stream_owner& c)
{
    link_->ends_[side_].reader = &c;
    link_->ends_[side_].for_reset = true;
    link_->changed();
}

peer_sight memory_stream::look_at_peer(error_code&) const noexcept
{
    const memory_link::direction& d = link_->to(side_);
    if (d.read_error)
        return peer_sight::gone;
    if (link_->arrived(d) != 0)
        return peer_sight::unread;
    return link_->has_ended(d) ? peer_sight::ended : peer_sight::nothing;
}

void memory_stream::wait_writable(stream_owner& c)
{
    link_->probe(side_, "wait for room");
    link_->ends_[side_].writer = &c;
    link_->changed();
}

std::size_t memory_stream::read_now(char* into, std::size_t size, error_code& e) noexcept
{
    link_->probe(side_, "read");
    return link_->take(side_, into, size, e);
}

std::size_t memory_stream::write_now(two_pieces from, error_code& e) noexcept
{
    link_->probe(side_, "write");
    return link_->give(side_, from, e);
}

std::size_t memory_stream::write_all_now(std::span<const bytes_view> from, error_code& e) noexcept
{
    link_->probe(side_, "write");
    return link_->give_all(side_, from, e);
}

void memory_stream::cancel() noexcept
{
    link_->cancel(side_);
}

void memory_stream::drop_read() noexcept
{
    auto& end = link_->ends_[side_];
    end.reader.reset();
    end.cancelled_input = false;
}

bool memory_stream::end_output(bool) noexcept
{
    link_->probe(side_, "end of output");
    link_->end(side_);
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

} // namespace hawser::inline v0_1::detail
