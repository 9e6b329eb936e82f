// SPDX-License-Identifier: BSL-1.0
#include "test/relay.hpp"

#include "values/system_call.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace hawser::inline v0_1::detail {
namespace {

constexpr std::size_t most_at_once = 16 * 1024;

} // namespace

test_relay::test_relay(std::shared_ptr<memory_link> link) : link_{std::move(link)}
{
    for (side_state& s : sides_) {
        std::array<int, 2> pair{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) != 0)
            throw_failed("socketpair", last_error());
        s.end = descriptor{pair[0]};
        s.own = descriptor{pair[1]};
    }
}

bool test_relay::pump()
{
    bool moved = false;
    for (unsigned side = 0; side < 2; ++side) {
        moved |= collect(side);
        moved |= deliver(side);
    }
    return moved;
}

// From a side's socket to the link.
bool test_relay::collect(unsigned side)
{
    side_state& s = sides_[side];
    std::array<char, most_at_once> bytes;
    const std::size_t room = std::min(link_->room(side), bytes.size());
    if (s.input_over || room == 0)
        return false;
    const ssize_t n = ::recv(s.own.get(), bytes.data(), room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n > 0) {
        link_->probe(side, "write");
        error_code e;
        link_->give(side, {{bytes.data(), static_cast<std::size_t>(n)}, {}}, e);
        s.input_over = static_cast<bool>(e);
        return true;
    }
    link_->probe(side, "end of output");
    s.input_over = true;
    if (n == 0)
        link_->end(side);
    else
        link_->break_off();
    return true;
}

// From the link to a side's socket. A pair of sockets knows no reset: what breaks off is cut short.
bool test_relay::deliver(unsigned side)
{
    side_state& s = sides_[side];
    if (s.output_over)
        return false;
    if (s.unsent.empty()) {
        if (link_->arrived(link_->to(side)) != 0)
            link_->probe(side, "read");
        std::array<char, most_at_once> bytes;
        error_code e;
        const std::size_t n = link_->take(side, bytes.data(), bytes.size(), e);
        if (e == boost::asio::error::would_block)
            return false;
        if (e) {
            s.output_over = true;
            s.input_over |= e != boost::asio::error::eof;
            ::shutdown(s.own.get(), e == boost::asio::error::eof ? SHUT_WR : SHUT_RDWR);
            return true;
        }
        s.unsent.assign(bytes.data(), n);
    }
    const ssize_t n = ::send(s.own.get(), s.unsent.data(), s.unsent.size(), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n < 0) { // its end has closed
        s.output_over = true;
        link_->to(side).gone = true;
        return true;
    }
    s.unsent.erase(0, static_cast<std::size_t>(n));
    return true;
}

} // namespace hawser::inline v0_1::detail
