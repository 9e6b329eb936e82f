// SPDX-License-Identifier: BSL-1.0
#include "sockets/listening_socket.hpp"

#include "sockets/inherited.hpp"
#include "sockets/keep_alive.hpp"
#include "sockets/unix_path.hpp"
#include "values/system_call.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace hawser::inline v0_1::detail {
namespace {

void set(int fd, int level, int name, int value)
{
    ::setsockopt(fd, level, name, &value, sizeof value); // a socket just made takes each of these
}

// Output that the kernel takes beyond what is under way to the peer. More would be memory that slow readers cost all
// others: each could have megabytes of it.
constexpr int most_not_sent = 128 * 1024;

// What accepted connections inherit from their listener, so that nothing has to be set on each of them.
void set_inherited(int fd, const listen_options& options)
{
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, most_not_sent);
    set_keep_alive(fd, keep_alive_of(options));
}

listening_socket bind_tcp(const endpoint& where, const std::pair<socket_address, socklen_t>& at,
                          const listen_options& options)
{
    descriptor fd{::socket(at.first.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd)
        refuse_binding(where, "socket", last_error());
    set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.reuse_port)
        set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (at.first.any.sa_family == AF_INET6)
        set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1);
    set_inherited(fd.get(), options);
    if (::bind(fd.get(), &at.first.any, at.second) != 0)
        refuse_binding(where, "bind", last_error());
    endpoint real = local_address(fd.get()).to_endpoint();
    if (where.scheme() == endpoint::scheme_type::tls)
        real = endpoint::tls(real.host(), real.port());
    return {std::move(fd), std::move(real), options.backlog.value_or(SOMAXCONN)};
}

void check_options_of_inherited(const endpoint& where, const listen_options& options)
{
    const auto refuse = [&](const char* field, const char* expected) {
        throw std::invalid_argument{std::string{"listen_options."} + field + ": expected " + expected + " with " +
                                    where.to_string() + ", which is bound already"};
    };
    if (options.unix_permissions)
        refuse("unix_permissions", "none");
    if (options.dual_stack)
        refuse("dual_stack", "false");
    if (options.reuse_port)
        refuse("reuse_port", "false");
}

// Where a client finds it. An abstract Unix socket has no endpoint but the one that was asked for.
endpoint real_endpoint(const endpoint& asked, int fd, bool over_tls)
{
    const endpoint real = local_address(fd).to_endpoint();
    if (real.scheme() == endpoint::scheme_type::unix_socket)
        return real.path().empty() ? asked : real;
    return over_tls ? endpoint::tls(real.host(), real.port()) : real;
}

std::vector<listening_socket> take_listening(const endpoint& where, const listen_options& options)
{
    check_options_of_inherited(where, options);
    std::vector<listening_socket> bound;
    for (inherited_socket& socket : take_inherited(where, socket_kind::stream)) {
        if (socket.family != AF_UNIX)
            set_inherited(socket.fd.get(), options);
        else if (options.tls)
            throw std::invalid_argument{"listen_options.tls: expected a TCP socket, got " + where.to_string() +
                                        ", a Unix socket"};
        endpoint real = real_endpoint(where, socket.fd.get(), options.tls.has_value());
        const std::optional<int> backlog = socket.listens ? options.backlog : options.backlog.value_or(SOMAXCONN);
        bound.push_back(listening_socket::inherited(std::move(socket.fd), std::move(real), backlog));
    }
    return bound;
}

} // namespace

// What has sent no data counts from its handshake's end, which is when it is queued (tcp_create_openreq_child()).
duration time_in_queue(int descriptor) noexcept
{
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return duration::zero();
    return std::chrono::milliseconds{info.tcpi_last_data_sent};
}

listening_socket::listening_socket(descriptor d, endpoint where, int backlog)
    : fd_{std::move(d)}, where_{std::move(where)}, backlog_{backlog}
{
    struct stat status {};
    if (where_.scheme() == endpoint::scheme_type::unix_socket && ::lstat(where_.path().c_str(), &status) == 0)
        file_ = {where_.path(), status.st_dev, status.st_ino};
}

listening_socket listening_socket::inherited(descriptor d, endpoint where, std::optional<int> backlog)
{
    listening_socket made;
    made.fd_ = std::move(d);
    made.where_ = std::move(where);
    made.backlog_ = backlog;
    return made;
}

listening_socket& listening_socket::operator=(listening_socket other) noexcept
{
    std::swap(fd_, other.fd_);
    std::swap(where_, other.where_);
    std::swap(backlog_, other.backlog_);
    std::swap(file_, other.file_);
    return *this; // the other takes its file away with it
}

listening_socket::~listening_socket()
{
    struct stat status {};
    if (fd_ && !file_.path.empty() && ::lstat(file_.path.c_str(), &status) == 0 && status.st_dev == file_.device &&
        status.st_ino == file_.inode)
        ::unlink(file_.path.c_str());
}

void listening_socket::listen()
{
    if (backlog_ && ::listen(fd_.get(), *backlog_) != 0)
        refuse_binding(where_, "listen", last_error());
}

int listening_socket::accept(address& peer) const noexcept
{
    socket_address from{};
    socklen_t size = sizeof from;
    const int fd = ::accept4(fd_.get(), &from.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        peer = address{from, size};
    return fd;
}

std::vector<listening_socket> bind_all(const endpoint& where, const listen_options& options)
{
    if (options.backlog && *options.backlog < 1)
        throw std::invalid_argument{"listen_options.backlog: expected 1 or more, got " +
                                    std::to_string(*options.backlog)};
    validate("listen_options.", keep_alive_of(options));
    if (where.scheme() == endpoint::scheme_type::udp)
        throw endpoint_error{errc::invalid_endpoint,
                             where.to_string() + ": expected tcp://, tls:// or unix: to accept connections at"};
    if (where.is_inherited())
        return take_listening(where, options);
    std::vector<listening_socket> bound;
    if (where.scheme() == endpoint::scheme_type::unix_socket) {
        if (options.reuse_port)
            throw std::invalid_argument{"listen_options.reuse_port: expected false with " + where.to_string() +
                                        ", a Unix socket"};
        bound.emplace_back(bind_to_path(where, options.unix_permissions), where, options.backlog.value_or(SOMAXCONN));
        return bound;
    }
    return bind_same_port(where, addresses_to_bind(where),
                          [&](const auto& at) { return bind_tcp(where, at, options); });
}

} // namespace hawser::inline v0_1::detail
