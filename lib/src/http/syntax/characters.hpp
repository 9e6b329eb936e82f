// SPDX-License-Identifier: BSL-1.0

// Which characters may stand where in HTTP/1.1 (RFC 9110, section 5.6; RFC 3986, section 2), as one table.
#ifndef HAWSER_SRC_HTTP_SYNTAX_CHARACTERS_HPP
#define HAWSER_SRC_HTTP_SYNTAX_CHARACTERS_HPP

#include "values/text.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace hawser::inline v0_1::http::detail {

enum character : std::uint8_t {
    token_character = 1,  // of a method, a field's name, an element of a list
    value_character = 2,  // of a field's value: visible, space, tab, and all above 127
    target_character = 4, // of a path or a query as clients send them
    host_character = 8,   // of a name or an IPv4 address
    digit_character = 16,
    quoted_character = 32, // of a quoted string as it is
};

constexpr std::array<std::uint8_t, 256> make_characters() noexcept
{
    std::array<std::uint8_t, 256> table{};
    const auto add = [&table](std::string_view some, int kind) {
        for (const char c : some)
            table[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(kind);
    };
    constexpr int everywhere = token_character | target_character | host_character;
    add("0123456789", everywhere | digit_character);
    add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~", everywhere);
    add("!#$%&'*+^`|", token_character);
    // Beyond RFC 3986, browsers leave []{}|^` as they are in a query.
    add("!$&'()*+,;=:@/?%[]{}|^`", target_character);
    add("\t", value_character | quoted_character);
    for (int c = 0x20; c < 0x100; ++c) {
        if (c == 0x7f)
            continue;
        table[static_cast<std::size_t>(c)] |= value_character;
        if (c != '"' && c != '\\')
            table[static_cast<std::size_t>(c)] |= quoted_character;
    }
    return table;
}

inline constexpr std::array<std::uint8_t, 256> characters = make_characters();

constexpr bool is(char c, character kind) noexcept
{
    return (characters[static_cast<unsigned char>(c)] & kind) != 0;
}

constexpr bool all(std::string_view text, character kind) noexcept
{
    for (const char c : text)
        if (!is(c, kind))
            return false;
    return true;
}

constexpr bool is_token(std::string_view text) noexcept
{
    return !text.empty() && all(text, token_character);
}

using hawser::detail::lower;

constexpr std::string_view trimmed(std::string_view text) noexcept
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

} // namespace hawser::inline v0_1::http::detail

#endif
