// SPDX-License-Identifier: BSL-1.0

// The content of a message as UTF-8, from each encoding that it may be in.
#include "message/json.hpp"
#include "message/utf8.hpp"

#include <hawser/message.hpp>

#include <array>

namespace hawser::inline v0_1::messages {
namespace {

constexpr const char* known = "utf-8, ascii, latin-1, utf-16, utf-16-le or utf-16-be";

enum class text_encoding : std::uint8_t { utf_8, ascii, latin_1, utf_16, utf_16_le, utf_16_be };

struct named_encoding {
    std::string_view name; // without what Python does not look at
    text_encoding is;
};

constexpr std::array names{
    named_encoding{"utf8", text_encoding::utf_8},        named_encoding{"u8", text_encoding::utf_8},
    named_encoding{"ascii", text_encoding::ascii},       named_encoding{"usascii", text_encoding::ascii},
    named_encoding{"latin1", text_encoding::latin_1},    named_encoding{"iso88591", text_encoding::latin_1},
    named_encoding{"utf16", text_encoding::utf_16},      named_encoding{"u16", text_encoding::utf_16},
    named_encoding{"utf16le", text_encoding::utf_16_le}, named_encoding{"utf16be", text_encoding::utf_16_be},
};

// Upper case, hyphens and underscores make no other encoding.
std::optional<text_encoding> find(std::string_view name)
{
    std::string plain;
    for (const char c : name)
        if (c != '-' && c != '_')
            plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    for (const named_encoding& each : names)
        if (each.name == plain)
            return each.is;
    return std::nullopt;
}

[[noreturn]] void refuse(const message& m, const std::string& got, std::size_t at)
{
    throw message_error{errc::invalid_message_content, "content", m.encoding, got + " at byte " + std::to_string(at)};
}

std::string in_hex(unsigned value, unsigned digits)
{
    std::string out = "0x";
    while (digits-- > 0)
        out += "0123456789abcdef"[value >> 4U * digits & 0xfU];
    return out;
}

std::string from_utf_8(const message& m)
{
    const std::size_t valid = detail::valid_utf8(m.content);
    if (valid != m.content.size())
        refuse(m, in_hex(static_cast<unsigned char>(m.content[valid]), 2), valid);
    return std::string{m.content};
}

std::string from_ascii(const message& m)
{
    for (std::size_t at = 0; at < m.content.size(); ++at)
        if (const auto byte = static_cast<unsigned char>(m.content[at]); byte >= 0x80)
            refuse(m, in_hex(byte, 2), at);
    return std::string{m.content};
}

std::string from_latin_1(const message& m)
{
    std::string out;
    for (const char c : m.content)
        detail::append_utf8(out, static_cast<unsigned char>(c));
    return out;
}

char16_t unit_at(const message& m, std::size_t at, std::endian order)
{
    if (m.content.size() - at < 2)
        refuse(m, "half a code unit", at);
    const auto first = static_cast<unsigned char>(m.content[at]);
    const auto second = static_cast<unsigned char>(m.content[at + 1]);
    return static_cast<char16_t>(order == std::endian::big ? first << 8U | second : second << 8U | first);
}

std::string from_utf_16(const message& m, std::size_t at, std::endian order)
{
    std::string out;
    while (at < m.content.size()) {
        const char16_t unit = unit_at(m, at, order);
        if (unit < 0xd800 || unit > 0xdfff) {
            detail::append_utf8(out, unit);
            at += 2;
            continue;
        }
        const bool leads = unit < 0xdc00 && m.content.size() - at > 2;
        const char16_t next = leads ? unit_at(m, at + 2, order) : char16_t{};
        if (next < 0xdc00 || next > 0xdfff)
            refuse(m, in_hex(unit, 4) + " alone", at);
        detail::append_utf8(out, 0x10000U + ((unit & 0x3ffU) << 10U | (next & 0x3ffU)));
        at += 4;
    }
    return out;
}

// Python's codec writes the mark and drops it; those of a fixed order know none.
std::string from_marked_utf_16(const message& m)
{
    if (m.content.starts_with("\xff\xfe"))
        return from_utf_16(m, 2, std::endian::little);
    if (m.content.starts_with("\xfe\xff"))
        return from_utf_16(m, 2, std::endian::big);
    return from_utf_16(m, 0, m.order);
}

} // namespace

std::string message::text() const
{
    const auto from = find(encoding);
    if (!from)
        throw message_error{errc::invalid_message_field, "content-encoding", known, detail::json_quoted(encoding)};
    switch (*from) {
    case text_encoding::utf_8: return from_utf_8(*this);
    case text_encoding::ascii: return from_ascii(*this);
    case text_encoding::latin_1: return from_latin_1(*this);
    case text_encoding::utf_16: return from_marked_utf_16(*this);
    case text_encoding::utf_16_le: return from_utf_16(*this, 0, std::endian::little);
    case text_encoding::utf_16_be: break;
    }
    return from_utf_16(*this, 0, std::endian::big);
}

} // namespace hawser::inline v0_1::messages
