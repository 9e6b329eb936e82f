// SPDX-License-Identifier: BSL-1.0
#include "http/syntax/url.hpp"

#include "values/text.hpp"

#include <hawser/http/error.hpp>

#include <boost/url/ipv6_address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>

namespace hawser::inline v0_1::http::detail {

using hawser::detail::lower;
using hawser::detail::quoted;
namespace {

namespace urls = boost::urls;

constexpr std::size_t longest_host = 253; // RFC 1035, without the root's dot
constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;

[[noreturn]] void refuse(std::string_view text, const std::string& why)
{
    throw hawser::error{errc::invalid_url, "URL " + quoted(text) + ": " + why};
}

bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

bool is_name_character(char c) noexcept
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' || c == '_';
}

// The parts of an absolute URL (RFC 3986, section 3), as they stand in it.
struct parts {
    std::string_view scheme;
    std::string_view authority;
    std::string_view rest; // path, query and fragment
};

std::size_t scheme_size(std::string_view text) noexcept
{
    const auto end = text.find_first_of(":/?#");
    return end != text.npos && text[end] == ':' ? end : 0;
}

parts split(std::string_view text)
{
    const std::size_t size = scheme_size(text);
    if (size == 0)
        refuse(text, "expected http:// or https:// at its front");
    const std::string_view scheme = text.substr(0, size);
    if (lower(scheme) != "http" && lower(scheme) != "https")
        refuse(text, "expected the scheme http:// or https://, got " + quoted(text.substr(0, size + 1)));
    const std::string_view behind = text.substr(size + 1);
    if (!behind.starts_with("//"))
        refuse(text, "expected a host after " + lower(scheme) + "://");
    const std::size_t end = std::min(behind.find_first_of("/?#", 2), behind.size());
    return {scheme, behind.substr(2, end - 2), behind.substr(end)};
}

std::uint16_t read_port(std::string_view text, std::string_view digits, bool tls)
{
    if (digits.empty())
        return tls ? https_port : http_port;
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size() || port == 0)
        refuse(text, "expected a port from 1 to 65535, got " + quoted(digits));
    return port;
}

void check_host(std::string_view text, std::string_view host)
{
    if (host.empty())
        refuse(text, "expected a host after ://");
    if (std::any_of(host.begin(), host.end(), [](char c) { return static_cast<unsigned char>(c) > 127; }))
        refuse(text, "expected a host in ASCII (the xn-- form of a name with other letters), got " + quoted(host));
    if (!std::all_of(host.begin(), host.end(), is_name_character))
        refuse(text, "expected a host of letters, digits, '-', '.' and '_', got " + quoted(host));
    if (host.size() > longest_host)
        refuse(text, "expected a host of at most " + std::to_string(longest_host) + " bytes, got " +
                         std::to_string(host.size()));
}

// HOST, HOST:PORT, or either with an IPv6 address in brackets. Boost.URL 1.81 takes 10.0.0.1.example.org for the
// address before its name, so that hosts are read here.
void read_authority(std::string_view text, std::string_view authority, url& u)
{
    if (const auto at = authority.rfind('@'); at != authority.npos)
        throw hawser::error{errc::invalid_url, "URL of " + quoted(authority.substr(at + 1)) +
                                                   ": expected no user name or password in it (they would be shown "
                                                   "wherever a URL is)"};
    std::string_view host = authority;
    if (authority.starts_with('[')) {
        const auto end = std::min(authority.find(']'), authority.size() - 1);
        host = authority.substr(1, std::max<std::size_t>(end, 1) - 1);
        if (authority[end] != ']' || !urls::parse_ipv6_address(host))
            refuse(text, "expected an IPv6 address in brackets, got " + quoted(authority));
        authority.remove_prefix(end + 1);
        if (!authority.empty() && !authority.starts_with(':'))
            refuse(text, "expected a port behind the brackets, got " + quoted(authority));
    } else {
        host = authority.substr(0, authority.find(':'));
        check_host(text, host);
        authority.remove_prefix(host.size());
    }
    u.host = lower(host);
    u.port = read_port(text, authority.substr(std::min<std::size_t>(1, authority.size())), u.tls);
}

// What follows the authority is Boost.URL's, with a host of our own before it.
std::string with_plain_host(std::string_view rest)
{
    return "http://h" + std::string{rest};
}

// The grammar says only that a character is out of place; these words say which, and what to write.
[[noreturn]] void refuse_rest(std::string_view text, std::string_view rest)
{
    constexpr std::string_view allowed = "-._~:/?#@!$&'()*+,;=%";
    for (const char c : rest)
        if (!is_name_character(c) && allowed.find(c) == allowed.npos)
            refuse(text, "expected percent-encoding of " + quoted({&c, 1}));
    refuse(text, "expected a path and a query as RFC 3986 writes them, got " + quoted(rest));
}

std::string target_of(const urls::url_view_base& parsed)
{
    std::string target{std::string_view{parsed.encoded_target()}};
    if (!target.starts_with('/'))
        target.insert(0, 1, '/');
    return target;
}

void check_length(std::string_view text)
{
    if (text.size() > longest_url)
        refuse(text, "expected at most " + std::to_string(longest_url) + " bytes, got " + std::to_string(text.size()));
}

// A reference may climb above the root: RFC 3986, section 5.2.4, drops what goes too far, and Boost.URL keeps it.
void stay_below_root(std::string& target)
{
    const std::string_view up = "/..";
    while (target.starts_with(up) &&
           (target.size() == up.size() || target[up.size()] == '/' || target[up.size()] == '?'))
        target.erase(0, up.size());
    if (!target.starts_with('/'))
        target.insert(0, 1, '/');
}

} // namespace

std::string url::authority() const
{
    const bool ipv6 = host.find(':') != host.npos;
    std::string text = ipv6 ? '[' + host + ']' : host;
    if (port != (tls ? https_port : http_port))
        text += ':' + std::to_string(port);
    return text;
}

std::string url::to_string() const
{
    return (tls ? "https://" : "http://") + authority() + target;
}

url parse_url(std::string_view text)
{
    check_length(text);
    const parts p = split(text);
    url u;
    u.tls = lower(p.scheme) == "https";
    read_authority(text, p.authority, u);
    const std::string plain = with_plain_host(p.rest);
    const auto parsed = urls::parse_uri(plain);
    if (!parsed)
        refuse_rest(text, p.rest);
    u.target = target_of(*parsed);
    return u;
}

url resolve_url(const url& base, std::string_view reference)
{
    if (scheme_size(reference) != 0)
        return parse_url(reference);
    if (reference.starts_with("//"))
        return parse_url((base.tls ? "https:" : "http:") + std::string{reference});
    check_length(reference);
    const std::string plain = with_plain_host(base.target);
    const auto parsed = urls::parse_uri_reference(reference);
    urls::url resolved;
    if (!parsed || !urls::resolve(*urls::parse_uri(plain), *parsed, resolved))
        refuse_rest(reference, reference);
    url u = base;
    u.target = target_of(resolved);
    stay_below_root(u.target);
    return u;
}

} // namespace hawser::inline v0_1::http::detail
