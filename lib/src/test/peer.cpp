// SPDX-License-Identifier: BSL-1.0
#include <hawser/test/peer.hpp>

#include "test/world_inside.hpp"

#include <stdexcept>

namespace hawser::inline v0_1::detail {

void set_path(memory_link::direction& d, const test::path& how)
{
    if (how.chunk == 0)
        throw std::invalid_argument{"path.chunk: expected 1 or more, got 0"};
    d.chunk = how.chunk;
    d.capacity = how.capacity;
    d.delay = how.delay;
    d.reset_after = how.reset_after;
    d.end_after = how.end_after;
    d.stalled = how.stalled;
}

} // namespace hawser::inline v0_1::detail

namespace hawser::inline v0_1::test {

// The connection under test is side 0 of its link.

// ---- wire

void wire::go()
{
    link_->changed();
    run_->poll();
}

void wire::inbound(const path& how)
{
    hawser::detail::set_path(link_->from(1), how);
    go();
}

void wire::outbound(const path& how)
{
    hawser::detail::set_path(link_->from(0), how);
    go();
}

void wire::break_off()
{
    link_->break_off();
    go();
}

std::uint64_t wire::carried_in() const noexcept
{
    return link_->from(1).read;
}

std::uint64_t wire::carried_out() const noexcept
{
    return link_->from(0).read;
}

// ---- peer

void peer::send(bytes_view bytes)
{
    send_later(bytes);
    go();
}

void peer::send_later(bytes_view bytes)
{
    link_->append(1, bytes);
    link_->changed();
}

void peer::end()
{
    link_->end(1);
    go();
}

void peer::reset()
{
    link_->from(1).read_error = boost::asio::error::connection_reset;
    link_->from(0).write_error = boost::asio::error::connection_reset;
    go();
}

void peer::stall_input(bool stalled)
{
    link_->from(1).stalled = stalled;
    go();
}

std::string peer::received()
{
    return received(waiting());
}

std::string peer::received(std::size_t n)
{
    hawser::detail::memory_link::direction& out = link_->from(0);
    std::string taken = out.bytes.substr(0, std::min(n, waiting()));
    link_->consume(out, taken.size());
    go();
    return taken;
}

std::size_t peer::waiting() const noexcept
{
    return link_->arrived(link_->from(0));
}

void peer::capacity(std::size_t bytes)
{
    link_->from(0).capacity = bytes;
    go();
}

void peer::chunks(std::size_t bytes)
{
    link_->from(1).chunk = bytes;
}

std::size_t peer::writes() const noexcept
{
    return link_->from(0).writes;
}

bool peer::has_ended() const noexcept
{
    return link_->from(0).ended;
}

bool peer::was_reset() const noexcept
{
    return static_cast<bool>(link_->from(0).read_error);
}

bool peer::is_gone() const noexcept
{
    return link_->from(1).gone;
}

std::string frame(bytes_view payload)
{
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes += static_cast<char>(static_cast<unsigned char>(payload.size() >> shift));
    return bytes.append(payload);
}

} // namespace hawser::inline v0_1::test
