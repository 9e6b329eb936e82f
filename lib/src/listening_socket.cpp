#include "listening_socket.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace hawser::detail {
namespace {

using address_list = std::vector<std::pair<socket_address, socklen_t>>;

error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

[[noreturn]] void refuse(const endpoint& where, const char* what, const error_code& e)
{
    std::string sentence = where.to_string() + ": " + what + ": " + symbol(e) + " (" + e.message() + ')';
    if (e == boost::system::errc::permission_denied && where.scheme() != endpoint::scheme_type::unix_socket &&
        where.port() != 0 && where.port() < 1024)
        sentence += "; a port below 1024 needs root or CAP_NET_BIND_SERVICE";
    throw endpoint_error{e, sentence};
}

address_list look_up(const endpoint& where, int flags, int& failure)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(where.port());
    failure = ::getaddrinfo(where.host().empty() ? nullptr : where.host().c_str(), port.c_str(), &hints, &found);
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned{found, [](addrinfo* a) {
                                                                   if (a != nullptr)
                                                                       ::freeaddrinfo(a);
                                                               }};
    address_list list;
    for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
            continue;
        list.emplace_back();
        std::memcpy(&list.back().first, a->ai_addr, a->ai_addrlen);
        list.back().second = a->ai_addrlen;
    }
    return list;
}

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
    using std::chrono::duration_cast;
    if (options.keep_alive != never) {
        const auto seconds = static_cast<int>(
            std::max<std::int64_t>(1, duration_cast<std::chrono::seconds>(options.keep_alive).count()));
        set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
        set(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / 4));
    }
    if (options.user_timeout != never)
        set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
            static_cast<int>(
                std::max<std::int64_t>(1, duration_cast<std::chrono::milliseconds>(options.user_timeout).count())));
}

listening_socket bind_tcp(const endpoint& where, const std::pair<socket_address, socklen_t>& at,
                          const listen_options& options)
{
    descriptor fd{::socket(at.first.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd)
        refuse(where, "socket", last_error());
    set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (at.first.any.sa_family == AF_INET6)
        set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1);
    set_inherited(fd.get(), options);
    if (::bind(fd.get(), &at.first.any, at.second) != 0)
        refuse(where, "bind", last_error());
    endpoint real = local_address(fd.get()).to_endpoint();
    if (where.scheme() == endpoint::scheme_type::tls)
        real = endpoint::tls(real.host(), real.port());
    return {std::move(fd), std::move(real), options.backlog.value_or(SOMAXCONN)};
}

// A socket file that nobody listens on any more is removed; one in use, and any other file, is left alone.
void remove_stale(const endpoint& where, const sockaddr_un& at)
{
    struct stat status {};
    if (::lstat(at.sun_path, &status) != 0)
        return;
    if (!S_ISSOCK(status.st_mode))
        throw endpoint_error{error_code{ENOTSOCK, boost::system::system_category()},
                             where.to_string() + ": expected a socket or nothing at that path, got another file"};
    const descriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (probe && ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 &&
        errno == ECONNREFUSED)
        ::unlink(at.sun_path);
}

listening_socket bind_unix(const endpoint& where, const listen_options& options)
{
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    where.path().copy(at.sun_path, sizeof at.sun_path - 1);
    remove_stale(where, at);
    descriptor fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd)
        refuse(where, "socket", last_error());
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
        refuse(where, "bind", last_error());
    listening_socket bound{std::move(fd), where, options.backlog.value_or(SOMAXCONN)};
    if (options.mode && ::chmod(at.sun_path, *options.mode) != 0)
        refuse(where, "chmod", last_error());
    return bound;
}

void set_port(std::pair<socket_address, socklen_t>& at, std::uint16_t port) noexcept
{
    (at.first.any.sa_family == AF_INET6 ? at.first.v6.sin6_port : at.first.v4.sin_port) = htons(port);
}

// Several addresses share one port: the kernel picks it for the first, and another is tried if the next has it taken.
std::vector<listening_socket> bind_same_port(const endpoint& where, address_list list, const listen_options& options)
{
    for (int attempts = 16;; --attempts) {
        std::vector<listening_socket> bound;
        try {
            for (auto& at : list) {
                if (!bound.empty())
                    set_port(at, bound.front().where().port());
                bound.push_back(bind_tcp(where, at, options));
            }
            return bound;
        } catch (const endpoint_error& e) {
            const bool no_such_family = e.code() == boost::system::errc::address_family_not_supported ||
                                        e.code() == boost::system::errc::address_not_available;
            if (where.host().empty() && no_such_family && list.size() > 1) {
                list.erase(list.begin() + static_cast<std::ptrdiff_t>(bound.size())); // "every interface" without IPv6
            } else if (where.port() != 0 || bound.empty() || attempts == 1 ||
                       e.code() != boost::system::errc::address_in_use) {
                throw;
            }
            if (where.port() == 0)
                set_port(list.front(), 0);
        }
    }
}

} // namespace

descriptor::~descriptor()
{
    if (fd_ >= 0)
        ::close(fd_);
}

listening_socket::listening_socket(descriptor d, endpoint where, int backlog)
    : fd_{std::move(d)}, where_{std::move(where)}, backlog_{backlog}
{
    struct stat status {};
    if (where_.scheme() == endpoint::scheme_type::unix_socket && ::lstat(where_.path().c_str(), &status) == 0)
        file_ = {where_.path(), status.st_dev, status.st_ino};
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
    if (::listen(fd_.get(), backlog_) != 0)
        refuse(where_, "listen", last_error());
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

address_list numeric_addresses(const endpoint& where, bool passive)
{
    int failure = 0;
    return look_up(where, AI_NUMERICHOST | AI_NUMERICSERV | (passive ? AI_PASSIVE : 0), failure);
}

std::vector<listening_socket> bind_all(const endpoint& where, const listen_options& options)
{
    if (options.backlog && *options.backlog < 1)
        throw std::invalid_argument{"listen_options.backlog: expected 1 or more, got " +
                                    std::to_string(*options.backlog)};
    std::vector<listening_socket> bound;
    if (where.scheme() == endpoint::scheme_type::unix_socket) {
        bound.push_back(bind_unix(where, options));
        return bound;
    }
    address_list list = numeric_addresses(where, true);
    if (list.empty()) {
        int failure = 0;
        list = look_up(where, AI_NUMERICSERV | AI_PASSIVE, failure);
        if (list.empty())
            throw endpoint_error{errc::invalid_endpoint, where.to_string() + ": cannot resolve \"" + where.host() +
                                                             "\": " + ::gai_strerror(failure)};
    }
    return bind_same_port(where, std::move(list), options);
}

} // namespace hawser::detail
