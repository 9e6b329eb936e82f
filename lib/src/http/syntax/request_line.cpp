// SPDX-License-Identifier: BSL-1.0

// The first line of a request: method SP target SP version (RFC 9112, section 3).
#include "http/syntax/characters.hpp"
#include "http/syntax/gate.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <optional>

namespace hawser::inline v0_1::http::detail {
namespace {

// text == literal, in a few instructions: the compiler knows the size, and calls no memcmp.
template <std::size_t size_and_zero>
bool equals(std::string_view text, const char (&literal)[size_and_zero]) noexcept
{
    return text.size() == size_and_zero - 1 && std::memcmp(text.data(), literal, size_and_zero - 1) == 0;
}

// In the order in which they are likely.
std::optional<method> find_method(std::string_view text) noexcept
{
    if (equals(text, "GET"))
        return method::get;
    if (equals(text, "HEAD"))
        return method::head;
    if (equals(text, "POST"))
        return method::post;
    for (const method m : {method::put, method::delete_, method::options, method::patch})
        if (text == to_string(m))
            return m;
    return std::nullopt;
}

bool refuse(refusal& why, status code, std::string_view words, bytes_view value) noexcept
{
    why = {code, words, value};
    return false;
}

// `HTTP/1.0` or `HTTP/1.1`; any other two digits are a version that is not supported.
bool read_version(std::string_view text, request_facts& facts, refusal& why) noexcept
{
    constexpr std::string_view name = "HTTP/";
    if (equals(text, "HTTP/1.1") || equals(text, "HTTP/1.0")) {
        facts.minor = static_cast<std::uint8_t>(text.back() - '0');
        return true;
    }
    const bool version = text.size() == 8 && text.starts_with(name) && is(text[5], digit_character) && text[6] == '.' &&
                         is(text[7], digit_character);
    return refuse(why, version ? status::http_version_not_supported : status::bad_request,
                  "request line: expected a version of HTTP/1.1 or HTTP/1.0", text);
}

span part(bytes_view line, std::string_view text) noexcept
{
    return {static_cast<std::uint16_t>(text.data() - line.data()), static_cast<std::uint16_t>(text.size())};
}

// What stands before the path of "http://example.org/": nothing if the target has another form.
std::string_view scheme_of(std::string_view target) noexcept
{
    for (const std::string_view scheme : {std::string_view{"http://"}, std::string_view{"https://"}})
        if (target.size() > scheme.size() && same_name(target.substr(0, scheme.size()), scheme))
            return target.substr(0, scheme.size());
    return {};
}

bool read_target(bytes_view line, std::string_view target, request_facts& facts, span& authority, refusal& why) noexcept
{
    facts.target = part(line, target);
    std::string_view rest = target;
    if (facts.method == method::options && target == "*") {
        facts.path = facts.target;
        return true;
    }
    if (target.front() != '/') {
        rest.remove_prefix(scheme_of(target).size());
        const std::string_view host = rest.substr(0, rest.find_first_of("/?"));
        if (rest.size() == target.size() || !is_authority(host))
            return refuse(why, status::bad_request, "target: expected a path, or an http or https URL", target);
        authority = part(line, host);
        rest.remove_prefix(host.size());
    }
    if (!all(rest, target_character))
        return refuse(why, status::bad_request, "target: expected no such character in it", target);
    const std::size_t question = rest.find('?');
    facts.path = part(line, rest.substr(0, question));
    if (question != std::string_view::npos)
        facts.query = part(line, rest.substr(question + 1));
    return true;
}

bool is_port(std::string_view text) noexcept
{
    if (text.size() > 5)
        return false;
    unsigned port = 0;
    for (const char c : text) {
        const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
        if (digit > 9)
            return false;
        port = 10 * port + digit;
    }
    return port <= 65535;
}

bool is_ipv6(std::string_view text) noexcept
{
    std::array<char, INET6_ADDRSTRLEN> zero_ended{};
    in6_addr ignored;
    if (text.size() >= zero_ended.size())
        return false;
    std::memcpy(zero_ended.data(), text.data(), text.size());
    return ::inet_pton(AF_INET6, zero_ended.data(), &ignored) == 1;
}

} // namespace

bool is_authority(std::string_view text) noexcept
{
    constexpr std::size_t longest_name = 255;
    std::size_t end;
    if (text.starts_with('[')) {
        end = text.find(']');
        if (end == std::string_view::npos || !is_ipv6(text.substr(1, end - 1)))
            return false;
        ++end;
    } else {
        const char* at = text.data();
        for (const char* const last = at + text.size(); at != last && is(*at, host_character);)
            ++at;
        end = static_cast<std::size_t>(at - text.data());
        if (end == 0 || end > longest_name)
            return false;
    }
    return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

bool read_request_line(bytes_view line, const head_limits& limits, request_facts& facts, span& authority,
                       refusal& why) noexcept
{
    const std::size_t first = line.find(' ');
    const std::size_t second = first == bytes_view::npos ? first : line.find(' ', first + 1);
    const std::string_view name = line.substr(0, first);
    if (!is_token(name))
        return refuse(why, status::bad_request, "request line: expected a method", line);
    if (second == bytes_view::npos || second == first + 1)
        return refuse(why, status::bad_request, "request line: expected a method, a target and a version", line);
    if (!read_version(line.substr(second + 1), facts, why))
        return false;
    const std::string_view target = line.substr(first + 1, second - first - 1);
    if (target.size() > limits.target)
        return refuse(why, status::uri_too_long, "target: longer than the limit", target);
    const std::optional<method> known = find_method(name);
    if (!known)
        return refuse(why, status::not_implemented, "request line: expected a method that is implemented", name);
    facts.method = *known;
    facts.method_size = static_cast<std::uint16_t>(name.size());
    return read_target(line, target, facts, authority, why);
}

} // namespace hawser::inline v0_1::http::detail
