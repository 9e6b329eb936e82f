// SPDX-License-Identifier: BSL-1.0
#include "bench_server/plain_sockets.hpp"

#include "common/command_line.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <memory>

namespace app {
namespace {

// What the handler of the signals knows.
constexpr std::size_t most_listeners = 64;
std::array<std::atomic<int>, most_listeners> listening;
std::atomic<std::size_t> listeners{0};
std::atomic<int> reading{-1};
std::atomic<int> signal_caught{0};

extern "C" void stop(int number)
{
    const int interrupted = errno; // what a shutdown below makes of it is not for the code that this interrupts
    // A child has no listeners, and may be told twice: by a terminal, and by its parent.
    if (signal_caught.exchange(number) != 0 && listeners.load() != 0)
        ::_exit(1);
    for (std::size_t i = 0; i < listeners.load(); ++i)
        ::shutdown(listening[i].load(), SHUT_RDWR);
    if (const int peer = reading.load(); peer >= 0)
        ::shutdown(peer, SHUT_RD);
    errno = interrupted;
}

void take_signals()
{
    struct sigaction action {};
    action.sa_handler = stop;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
}

[[noreturn]] void refuse(const hawser::endpoint& where, const char* what)
{
    const hawser::error_code error{errno, boost::system::system_category()};
    throw hawser::endpoint_error{error, where.to_string() + ": " + what + ": " + hawser::symbol(error) + " (" +
                                            error.message() + ')'};
}

struct bindable {
    sockaddr_storage address{};
    socklen_t size = 0;
};

std::vector<bindable> addresses(const hawser::endpoint& where)
{
    std::vector<bindable> found(1);
    if (where.scheme() == hawser::endpoint::scheme_type::unix_socket) {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        where.path().copy(at.sun_path, sizeof at.sun_path - 1);
        std::memcpy(&found[0].address, &at, found[0].size = sizeof at);
        return found;
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* list = nullptr;
    const char* host = where.host().empty() ? nullptr : where.host().c_str();
    if (const int error = ::getaddrinfo(host, std::to_string(where.port()).c_str(), &hints, &list))
        throw hawser::endpoint_error{hawser::errc::invalid_endpoint, where.to_string() + ": cannot resolve \"" +
                                                                         where.host() + "\": " + ::gai_strerror(error)};
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned{list, ::freeaddrinfo};
    found.clear();
    for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
        found.emplace_back();
        std::memcpy(&found.back().address, a->ai_addr, found.back().size = a->ai_addrlen);
    }
    return found;
}

std::uint16_t& port_of(sockaddr_storage& address) noexcept
{
    // sin_port and sin6_port are at the same place.
    return reinterpret_cast<sockaddr_in&>(address).sin_port;
}

hawser::endpoint real_endpoint(int socket, const hawser::endpoint& asked)
{
    if (asked.scheme() == hawser::endpoint::scheme_type::unix_socket)
        return asked;
    bindable at{.size = sizeof(sockaddr_storage)};
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&at.address), &at.size);
    std::array<char, NI_MAXHOST> host{};
    ::getnameinfo(reinterpret_cast<const sockaddr*>(&at.address), at.size, host.data(), host.size(), nullptr, 0,
                  NI_NUMERICHOST);
    return hawser::endpoint::tcp(host.data(), ntohs(port_of(at.address)));
}

void set(int socket, int level, int name, const auto& value)
{
    ::setsockopt(socket, level, name, &value, sizeof value); // a socket just made takes each of these
}

// Connections inherit all of them from their listener.
void set_options(int socket, int family, hawser::duration idle)
{
    set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    if (family == AF_INET6)
        set(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (idle == hawser::never)
        return;
    const auto us = std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::microseconds>(idle).count());
    const timeval wait{.tv_sec = us / 1'000'000, .tv_usec = us % 1'000'000};
    set(socket, SOL_SOCKET, SO_RCVTIMEO, wait);
    set(socket, SOL_SOCKET, SO_SNDTIMEO, wait);
}

} // namespace

plain_listeners::plain_listeners(const std::vector<hawser::endpoint>& where, int backlog, hawser::duration idle)
{
    try {
        for (const hawser::endpoint& each : where)
            listen(each, backlog, idle);
    } catch (...) {
        end();
        throw;
    }
    take_signals();
}

plain_listeners::~plain_listeners()
{
    end();
}

void plain_listeners::end() noexcept
{
    for (const hawser::endpoint& where : real_)
        if (where.scheme() == hawser::endpoint::scheme_type::unix_socket)
            ::unlink(where.path().c_str());
    close();
}

// Several addresses of one endpoint share a port, which the kernel picks for the first if none is given.
void plain_listeners::listen(const hawser::endpoint& where, int backlog, hawser::duration idle)
{
    if (where.scheme() == hawser::endpoint::scheme_type::tls)
        throw usage_error{where.to_string() + ": expected --model async with tls://"};
    if (where.is_inherited())
        throw usage_error{where.to_string() + ": expected --model async with an inherited socket"};
    std::uint16_t port = 0;
    for (bindable& at : addresses(where)) {
        const int family = at.address.ss_family;
        if (port != 0)
            port_of(at.address) = htons(port);
        const int socket = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (socket < 0)
            refuse(where, "socket");
        sockets_.push_back({.fd = socket, .events = POLLIN, .revents = 0});
        set_options(socket, family, idle);
        if (::bind(socket, reinterpret_cast<const sockaddr*>(&at.address), at.size) != 0)
            refuse(where, "bind");
        if (::listen(socket, backlog) != 0)
            refuse(where, "listen");
        real_.push_back(real_endpoint(socket, where));
        port = real_.back().port();
        if (sockets_.size() > most_listeners)
            throw usage_error{"expected at most " + std::to_string(most_listeners) + " listening sockets"};
        listening[sockets_.size() - 1] = socket;
        listeners = sockets_.size();
    }
}

void plain_listeners::announce() const
{
    for (const hawser::endpoint& where : real_)
        std::cout << "listening on " + where.to_string() + '\n';
    std::cout << std::flush;
}

std::optional<int> plain_listeners::accept()
{
    while (signal_caught.load() == 0) {
        int wait = -1;
        for (const pollfd& socket : sockets_) {
            const int peer = ::accept4(socket.fd, nullptr, nullptr, SOCK_CLOEXEC);
            if (peer >= 0)
                return peer;
            if (errno != EAGAIN)
                wait = 10; // without descriptors or memory, the next may be in vain too
        }
        // A listener that the signal has shut down is ready.
        ::poll(wait < 0 ? sockets_.data() : nullptr, wait < 0 ? sockets_.size() : 0, wait);
    }
    return std::nullopt;
}

void plain_listeners::close() noexcept
{
    listeners = 0;
    for (const pollfd& socket : sockets_)
        ::close(socket.fd);
    sockets_.clear();
}

std::string_view plain_listeners::caught() noexcept
{
    return signal_caught.load() == SIGINT ? "SIGINT" : "SIGTERM";
}

ends_reading::ends_reading(int peer) noexcept
{
    reading = peer;
    if (signal_caught.load() != 0)
        ::shutdown(peer, SHUT_RD);
}

ends_reading::~ends_reading()
{
    reading = -1;
}

bool send_all(int peer, std::string_view bytes) noexcept
{
    while (!bytes.empty()) {
        const auto n = ::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return false;
        bytes.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
    }
    return true;
}

} // namespace app
