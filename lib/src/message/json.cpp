// SPDX-License-Identifier: BSL-1.0
#include "message/json.hpp"

#include "message/utf8.hpp"

#include <hawser/message.hpp>

#include <stdexcept>

namespace hawser::inline v0_1::messages {
namespace detail {
namespace {

constexpr std::size_t most_quoted = 64;

void append_escaped(std::string& out, char c)
{
    constexpr char digits[] = "0123456789abcdef";
    switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
    }
    const auto value = static_cast<unsigned char>(c);
    if (value >= 0x20) {
        out += c;
        return;
    }
    out += "\\u00";
    out += digits[value >> 4U];
    out += digits[value & 0xfU];
}

std::string how_many(bytes_view text)
{
    return text.size() > most_quoted ? "... (" + std::to_string(text.size()) + " bytes)" : std::string{};
}

// Not through the middle of a character.
bytes_view beginning(bytes_view text)
{
    const bytes_view first = text.substr(0, most_quoted);
    return first.substr(0, valid_utf8(first));
}

} // namespace

void append_json(std::string& out, bytes_view text)
{
    out += '"';
    for (const char c : text)
        append_escaped(out, c);
    out += '"';
}

std::string json_quoted(bytes_view text)
{
    std::string out;
    append_json(out, beginning(text));
    return out + how_many(text);
}

std::string shortened(bytes_view text)
{
    return std::string{beginning(text)} + how_many(text);
}

} // namespace detail

std::string json_object(std::initializer_list<std::pair<std::string_view, std::string_view>> members)
{
    std::string out = "{";
    for (const auto& [key, value] : members) {
        for (const std::string_view text : {key, value})
            if (const std::size_t valid = detail::valid_utf8(text); valid != text.size())
                throw std::invalid_argument{"json_object: expected UTF-8, got another byte at " +
                                            std::to_string(valid)};
        if (out.size() > 1)
            out += ", ";
        detail::append_json(out, key);
        out += ": ";
        detail::append_json(out, value);
    }
    return out + '}';
}

} // namespace hawser::inline v0_1::messages
