#include "core.hpp"
#include "stream.hpp"

#include <boost/asio/buffer.hpp>

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace hawser::detail {
namespace {

error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

// The handlers: each keeps its connection, and takes the memory of its operation from the connection's loop.
struct handler {
    boost::intrusive_ptr<core> keep;
    using allocator_type = operation_allocator<void>;
    allocator_type get_allocator() const noexcept { return allocator_type{keep->on().operations}; }
};
struct read_done : handler {
    void operator()(const error_code& e, std::size_t n) const { keep->on_read(e, n); }
};
struct readable : handler {
    void operator()(const error_code& e) const { keep->on_readable(e); }
};
struct writable : handler {
    void operator()(const error_code& e) const { keep->on_writable(e); }
};

} // namespace

void socket_stream::read(core& c, char* into, std::size_t size)
{
    socket_.async_read_some(boost::asio::buffer(into, size), read_done{{&c}});
}

void socket_stream::wait_readable(core& c)
{
    socket_.async_wait(socket::wait_read, readable{{&c}});
}

void socket_stream::wait_writable(core& c)
{
    socket_.async_wait(socket::wait_write, writable{{&c}});
}

std::size_t receive_now(int descriptor, char* into, std::size_t size, error_code& e) noexcept
{
    ssize_t n = 0;
    do
        n = ::recv(descriptor, into, size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    e = n < 0 ? last_error() : n == 0 ? error_code{boost::asio::error::eof} : error_code{};
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

std::size_t socket_stream::read_now(char* into, std::size_t size, error_code& e) noexcept
{
    return receive_now(socket_.native_handle(), into, size, e);
}

std::size_t socket_stream::write_now(two_pieces from, error_code& e) noexcept
{
    ssize_t n = 0;
    if (from.second.empty()) {
        do
            n = ::send(socket_.native_handle(), from.first.data(), from.first.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
    } else {
        std::array<iovec, 2> pieces{iovec{const_cast<char*>(from.first.data()), from.first.size()},
                                    iovec{const_cast<char*>(from.second.data()), from.second.size()}};
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = pieces.size();
        do
            n = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
    }
    e = n < 0 ? last_error() : error_code{};
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

void socket_stream::cancel() noexcept
{
    error_code ignored;
    socket_.cancel(ignored);
}

bool socket_stream::end_output() noexcept
{
    error_code ignored; // the peer may be gone already
    socket_.shutdown(socket::shutdown_send, ignored);
    return true;
}

void socket_stream::close() noexcept
{
    error_code ignored;
    socket_.close(ignored);
}

void socket_stream::reset() noexcept
{
    if (!socket_.is_open())
        return;
    reset_on_close(socket_.native_handle());
    close();
}

void reset_on_close(int descriptor) noexcept
{
    const ::linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::size_t socket_stream::unacknowledged() noexcept
{
    return unacknowledged_by(socket_.native_handle());
}

std::size_t unacknowledged_by(int descriptor) noexcept
{
    int bytes = 0;
    return ::ioctl(descriptor, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

} // namespace hawser::detail
