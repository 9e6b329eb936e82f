// SPDX-License-Identifier: BSL-1.0
#include "transport/polled_socket.hpp"

#include "transport/stream_owner.hpp"
#include "values/address.hpp"
#include "values/system_call.hpp"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace hawser::inline v0_1::detail {
namespace {

const error_code aborted = boost::asio::error::operation_aborted;

iovec piece(bytes_view bytes) noexcept
{
    return {const_cast<char*>(bytes.data()), bytes.size()};
}

} // namespace

polled_socket::polled_socket(poller& on, detail::descriptor socket, family of, error_code& e) noexcept
    : socket_{std::move(socket)}, empties_{of == family::ip}, poller_{&on}
{
    e = on.add(socket_.get());
    if (e)
        socket_ = detail::descriptor{};
}

polled_socket::polled_socket(polled_socket&& other) noexcept
    : poller::entry{}, socket_{std::move(other.socket_)}, empties_{other.empties_}, poller_{other.poller_}
{}

polled_socket::~polled_socket()
{
    if (socket_)
        poller_->forget(socket_.get());
}

polled_socket::family family_of(const address& peer) noexcept
{
    return peer.is_ip() ? polled_socket::family::ip : polled_socket::family::unix_path;
}

void polled_socket::attach(stream_owner& c) noexcept
{
    owner_ = &c;
    poller_->attach(socket_.get(), *this);
}

// ---- Waits

void polled_socket::start(wait& w, way what, function then) noexcept
{
    if (w.then == nullptr)
        intrusive_ptr_add_ref(owner_);
    w = {.then = then, .what = what, .due = w.due};
}

void polled_socket::begin(wait& w, way what, function then) noexcept
{
    start(w, what, then);
    if (what == way::out)
        poller_->watch_output(socket_.get());
    w.cancelled = !socket_;
    if ((what == way::in && can_read_) || w.cancelled)
        complete_later(w);
}

void polled_socket::begin_now(wait& w, function then) noexcept
{
    start(w, way::in, then);
    complete_later(w);
}

void polled_socket::end_now(wait& w)
{
    w.due = false;
    complete(w, w.cancelled ? aborted : error_code{});
}

void polled_socket::complete(wait& w, const error_code& e)
{
    const boost::intrusive_ptr<stream_owner> keep{owner_, false};
    std::exchange(w.then, nullptr)(*this, *keep, e);
}

void polled_socket::complete_later(wait& w) noexcept
{
    w.due = true;
    if (!is_linked())
        poller_->call_later(*this);
}

void polled_socket::due()
{
    const boost::intrusive_ptr<stream_owner> keep{owner_};
    for (wait* const w : {&reader_, &writer_})
        if (std::exchange(w->due, false))
            complete(*w, w->cancelled ? aborted : error_code{});
}

void polled_socket::ready(std::uint32_t events)
{
    constexpr std::uint32_t behind_the_data = EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if ((events & behind_the_data) != 0)
        empties_ = false; // which is not announced again
    can_read_ = can_read_ || (events & (EPOLLIN | behind_the_data)) != 0;
    doubt_ = doubt::none;
    const bool can_write = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    const bool broken = (events & EPOLLERR) != 0;
    if (writer_.then == nullptr)
        return go_on(reader_, can_write, broken);
    const boost::intrusive_ptr<stream_owner> keep{owner_};
    go_on(reader_, can_write, broken);
    go_on(writer_, can_write, broken);
}

void polled_socket::go_on(wait& w, bool can_write, bool broken)
{
    if (w.then != nullptr && !w.due && is_possible(w.what, can_write, broken))
        complete(w, error_code{});
}

bool polled_socket::is_possible(way what, bool can_write, bool broken) const noexcept
{
    switch (what) {
    case way::in: return can_read_;
    case way::out: return can_write;
    case way::gone: return broken;
    case way::news: break;
    }
    return true;
}

// The kernel keeps an error until somebody reads or writes: poll(2) sees it as often as one asks, and behind unread
// input too.
peer_sight polled_socket::look_at_peer(error_code& e) noexcept
{
    if (!can_read_)
        return peer_sight::nothing;
    pollfd errors{.fd = socket_.get(), .events = 0, .revents = 0};
    if (::poll(&errors, 1, 0) == 1 && (errors.revents & POLLERR) != 0)
        return peer_sight::gone;
    char first = 0;
    const ssize_t n = uninterrupted([&] { return ::recv(socket_.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT); });
    if (n >= 0)
        return n == 0 ? peer_sight::ended : peer_sight::unread;
    if (errno != EAGAIN) {
        e = last_error();
        return peer_sight::failed;
    }
    emptied();
    return peer_sight::nothing;
}

void polled_socket::look_again() noexcept
{
    if (doubt_ != doubt::open || reader_.then == nullptr || reader_.what != way::in)
        return;
    doubt_ = doubt::settled;
    can_read_ = true;
    if (!reader_.due)
        complete_later(reader_);
}

void polled_socket::cancel() noexcept
{
    if (reader_.then == nullptr)
        return;
    reader_.cancelled = true;
    if (!reader_.due)
        complete_later(reader_);
}

void polled_socket::drop_read() noexcept
{
    reader_.due = false;
    if (std::exchange(reader_.then, nullptr) != nullptr)
        intrusive_ptr_release(owner_);
}

// ---- Reading and writing

std::size_t polled_socket::receive(char* into, std::size_t size, error_code& e) noexcept
{
    const ssize_t n = uninterrupted([&] { return ::recv(socket_.get(), into, size, MSG_DONTWAIT); });
    if (n <= 0) {
        e = n < 0 ? last_error() : error_code{boost::asio::error::eof};
        if (n < 0 && errno == EAGAIN)
            emptied();
        return 0;
    }
    if (static_cast<std::size_t>(n) < size && empties_)
        can_read_ = false;
    doubt_ = doubt::none;
    e = {};
    return static_cast<std::size_t>(n);
}

std::size_t polled_socket::send(two_pieces from, error_code& e) noexcept
{
    if (!from.second.empty()) {
        std::array<iovec, 2> pieces{piece(from.first), piece(from.second)};
        return send_message(pieces.data(), pieces.size(), e);
    }
    const ssize_t n = uninterrupted(
        [&] { return ::send(socket_.get(), from.first.data(), from.first.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
    e = n < 0 ? last_error() : error_code{};
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

std::size_t polled_socket::send_all(std::span<const bytes_view> from, error_code& e) noexcept
{
    std::array<iovec, most_pieces> pieces;
    const std::size_t count = std::min(from.size(), pieces.size());
    std::transform(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count), pieces.begin(), piece);
    return send_message(pieces.data(), count, e);
}

std::size_t polled_socket::send_message(iovec* pieces, std::size_t count, error_code& e) noexcept
{
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    const ssize_t n = uninterrupted([&] { return ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
    e = n < 0 ? last_error() : error_code{};
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

std::size_t polled_socket::unacknowledged() const noexcept
{
    int bytes = 0;
    return ::ioctl(socket_.get(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

// ---- The end

void polled_socket::shut_down_output() noexcept
{
    ::shutdown(socket_.get(), SHUT_WR); // fails if the peer is gone already
}

void polled_socket::close() noexcept
{
    if (!socket_)
        return;
    poller_->forget(socket_.get());
    socket_ = detail::descriptor{};
    cancel();
    if (writer_.then != nullptr) {
        writer_.cancelled = true;
        if (!writer_.due)
            complete_later(writer_);
    }
}

void polled_socket::reset() noexcept
{
    if (!socket_)
        return;
    reset_on_close(socket_.get());
    close();
}

void polled_socket::abandon() noexcept
{
    unlink();
    for (wait* const w : {&reader_, &writer_})
        if (std::exchange(w->then, nullptr) != nullptr)
            intrusive_ptr_release(owner_);
}

} // namespace hawser::inline v0_1::detail
