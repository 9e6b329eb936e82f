// SPDX-License-Identifier: BSL-1.0
#include <hawser/endpoint.hpp>

#include "values/text.hpp"

#include <sys/un.h>

#include <algorithm>
#include <charconv>

namespace hawser::inline v0_1 {
namespace {

constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_host = 253; // RFC 1035, section 2.3.4, as text

[[noreturn]] void refuse(std::string_view text, const std::string& why)
{
    throw endpoint_error{errc::invalid_endpoint, detail::quoted(text) + ": " + why};
}

std::uint16_t read_port(std::string_view text, std::string_view digits)
{
    unsigned port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (digits.empty() || error == std::errc::invalid_argument || end != digits.data() + digits.size())
        refuse(text, "expected a port from 0 to 65535, got " + detail::quoted(digits));
    if (error != std::errc{} || port > 65535)
        refuse(text, "expected a port from 0 to 65535, got " + std::string{digits});
    return static_cast<std::uint16_t>(port);
}

int read_descriptor(std::string_view text, std::string_view digits)
{
    int number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.starts_with('-') || error != std::errc{} || end != digits.data() + digits.size())
        refuse(text, "expected the number of a descriptor after fd:, got " + detail::quoted(digits));
    return number;
}

// What FileDescriptorName= of systemd.socket(5) takes.
void check_name(std::string_view text, std::string_view name)
{
    const auto is_odd = [](char c) { return c < ' ' || c > '~' || c == ':'; };
    if (name.empty() || name.size() > longest_name || std::any_of(name.begin(), name.end(), is_odd))
        refuse(text, "expected a name of 1 to 255 printable ASCII characters without a colon after systemd:");
}

} // namespace

endpoint endpoint::tcp(std::string host, std::uint16_t port)
{
    endpoint e;
    e.host_ = std::move(host);
    e.port_ = port;
    return e;
}

endpoint endpoint::tls(std::string host, std::uint16_t port)
{
    endpoint e = tcp(std::move(host), port);
    e.scheme_ = scheme_type::tls;
    return e;
}

endpoint endpoint::udp(std::string host, std::uint16_t port)
{
    endpoint e = tcp(std::move(host), port);
    e.scheme_ = scheme_type::udp;
    return e;
}

endpoint endpoint::unix_socket(std::string path)
{
    endpoint e;
    e.scheme_ = scheme_type::unix_socket;
    e.host_ = std::move(path);
    return e;
}

endpoint::endpoint(std::string_view text)
{
    if (text.find('\0') != text.npos)
        refuse(text.substr(0, text.find('\0')), "expected no NUL byte");
    std::string_view rest = text;
    if (rest.starts_with("unix:")) {
        rest.remove_prefix(5);
        if (rest.empty())
            refuse(text, "expected a path after unix:");
        if (rest.size() > longest_path)
            refuse(text, "expected a path of at most " + std::to_string(longest_path) + " bytes, got " +
                             std::to_string(rest.size()));
        scheme_ = scheme_type::unix_socket;
        host_ = rest;
        return;
    }
    if (rest.starts_with("fd:")) {
        scheme_ = scheme_type::descriptor;
        descriptor_ = read_descriptor(text, rest.substr(3));
        return;
    }
    if (rest.starts_with("systemd:")) {
        scheme_ = scheme_type::systemd;
        host_ = rest.substr(8);
        check_name(text, host_);
        return;
    }
    if (const auto at = rest.find("://"); at != rest.npos) {
        if (rest.substr(0, at) == "tls")
            scheme_ = scheme_type::tls;
        else if (rest.substr(0, at) == "udp")
            scheme_ = scheme_type::udp;
        else if (rest.substr(0, at) != "tcp")
            refuse(text,
                   "expected the scheme tcp://, tls://, udp:// or unix:, got " + detail::quoted(rest.substr(0, at)));
        rest.remove_prefix(at + 3);
    }
    std::string_view host;
    if (rest.starts_with('[')) {
        const auto close = rest.find(']');
        if (close == rest.npos || !rest.substr(close + 1).starts_with(':'))
            refuse(text, "expected [IPV6]:PORT");
        host = rest.substr(1, close - 1);
        if (host.find(':') == host.npos)
            refuse(text, "expected an IPv6 address in the brackets, got " + detail::quoted(host));
        rest.remove_prefix(close + 2);
    } else {
        const auto colon = rest.rfind(':');
        if (colon == rest.npos)
            refuse(text, "expected HOST:PORT or unix:PATH");
        host = rest.substr(0, colon);
        if (host.find(':') != host.npos)
            refuse(text, "expected brackets around an IPv6 address: [" + std::string{host} + "]:PORT");
        rest.remove_prefix(colon + 1);
    }
    if (host.size() > longest_host)
        refuse(text, "expected a host of at most " + std::to_string(longest_host) + " bytes, got " +
                         std::to_string(host.size()));
    if (host.find_first_of("/ \t\r\n@") != host.npos)
        refuse(text, "expected a host name or address, got " + detail::quoted(host));
    host_ = host;
    port_ = read_port(text, rest);
}

std::string endpoint::to_string() const
{
    switch (scheme_) {
    case scheme_type::unix_socket: return "unix:" + host_;
    case scheme_type::tls: return "tls://" + host_and_port();
    case scheme_type::udp: return "udp://" + host_and_port();
    case scheme_type::descriptor: return "fd:" + std::to_string(descriptor_);
    case scheme_type::systemd: return "systemd:" + host_;
    case scheme_type::tcp: break;
    }
    return "tcp://" + host_and_port();
}

std::string endpoint::short_string() const
{
    return scheme_ == scheme_type::tcp ? host_and_port() : to_string();
}

std::string endpoint::host_and_port() const
{
    const bool ipv6 = host_.find(':') != host_.npos;
    return (ipv6 ? '[' + host_ + ']' : host_) + ':' + std::to_string(port_);
}

} // namespace hawser::inline v0_1
