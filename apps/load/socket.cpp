// SPDX-License-Identifier: BSL-1.0
#include "socket.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace load {

namespace {

in_addr ipv4(const std::string& text)
{
    in_addr result{};
    if (::inet_pton(AF_INET, text.c_str(), &result) != 1)
        throw usage_error{"expected an IPv4 address, got \"" + text + '"'};
    return result;
}

sockaddr_in tcp_address(std::string_view endpoint)
{
    const auto whole = std::string{endpoint};
    if (endpoint.starts_with("tcp://"))
        endpoint.remove_prefix(6);
    const auto colon = endpoint.rfind(':');
    std::uint16_t port = 0;
    if (colon == endpoint.npos)
        throw usage_error{"expected tcp://ADDRESS:PORT, got \"" + whole + '"'};
    const auto digits = endpoint.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size() || port == 0)
        throw usage_error{"expected a port from 1 to 65535, got \"" + whole + '"'};

    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr = ipv4(std::string{endpoint.substr(0, colon)});
    return address;
}

sockaddr_un unix_address(std::string_view path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        throw usage_error{"expected unix:PATH of at most 107 bytes, got \"unix:" + std::string{path} + '"'};
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

void must(bool ok, const std::string& what)
{
    if (!ok)
        throw std::system_error{errno, std::generic_category(), what};
}

// Into `bytes`: how many of them.
template <class Address>
socklen_t put(const Address& address, sockaddr_storage& bytes)
{
    std::memcpy(&bytes, &address, sizeof address);
    return sizeof address;
}

bool is_unix(const options& o)
{
    return o.endpoint.starts_with("unix:");
}

void bind_to(const descriptor& socket, const std::string& source)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr = ipv4(source);
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    must(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind to " + source);
}

descriptor open_socket(const options& o)
{
    descriptor socket{::socket(is_unix(o) ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    must(socket.get() >= 0, "socket");
    if (is_unix(o))
        return socket;
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!o.source.empty())
        bind_to(socket, o.source);
    return socket;
}

// Whether it is connected; if not, errno says why.
bool start(const descriptor& socket, const options& o)
{
    sockaddr_storage address{};
    const auto length = is_unix(o) ? put(unix_address(std::string_view{o.endpoint}.substr(5)), address)
                                   : put(tcp_address(o.endpoint), address);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0;
}

void unblock(const descriptor& socket)
{
    must(::fcntl(socket.get(), F_SETFL, O_NONBLOCK) == 0, "fcntl");
}

} // namespace

descriptor connect(const options& o)
{
    auto socket = open_socket(o);
    // connect() waits as long as a send would.
    const auto patience = std::chrono::duration_cast<std::chrono::microseconds>(o.patience).count();
    const timeval limit{.tv_sec = patience / 1'000'000, .tv_usec = patience % 1'000'000};
    must(::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0, "setsockopt");
    const bool connected = start(socket, o);
    if (!connected && (errno == EINPROGRESS || errno == EAGAIN))
        errno = ETIMEDOUT;
    must(connected, "connect to " + o.endpoint);
    unblock(socket);
    return socket;
}

descriptor begin_connect(const options& o)
{
    auto socket = open_socket(o);
    unblock(socket);
    must(start(socket, o) || errno == EINPROGRESS, "connect to " + o.endpoint);
    return socket;
}

std::string symbol_of(int error)
{
    const char* const symbol = ::strerrorname_np(error);
    return symbol != nullptr ? symbol : "error " + std::to_string(error);
}

} // namespace load
