// SPDX-License-Identifier: BSL-1.0
#include "common/shown.hpp"

#include <array>
#include <cstdint>

namespace app {
namespace {

constexpr std::size_t most_shown = 256;
constexpr std::size_t longest_line = 2000;

struct range {
    std::uint32_t first;
    std::uint32_t last;
};

// Controls, and what changes the order or the end of a line on the way to the reader's eye.
constexpr std::array unprintable{
    range{0x0000, 0x001f}, range{0x007f, 0x009f},   range{0x00ad, 0x00ad},      range{0x061c, 0x061c},
    range{0x200b, 0x200c}, range{0x200e, 0x200f},   range{0x2028, 0x202e},      range{0x2060, 0x206f},
    range{0xd800, 0xdfff}, range{0xe000, 0xf8ff},   range{0xfeff, 0xfeff},      range{0xfff0, 0xfffb},
    range{0xfffe, 0xffff}, range{0xe0000, 0xe00ff}, range{0xf0000, 0xffffffff},
};

bool printable(std::uint32_t code) noexcept
{
    for (const range& r : unprintable)
        if (code <= r.last)
            return code < r.first;
    return false;
}

struct character {
    std::size_t size;
    bool printable;
};

// The UTF-8 character that `text` begins with; a byte that begins none stands for itself, and is not printable.
character first_of(hawser::bytes_view text) noexcept
{
    constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80)
        return {1, printable(lead)};
    const std::size_t size = lead >= 0xf8 ? 0U : lead >= 0xf0 ? 4U : lead >= 0xe0 ? 3U : lead >= 0xc2 ? 2U : 0U;
    if (size == 0 || size > text.size())
        return {1, false};
    std::uint32_t code = lead & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0U) != 0x80)
            return {1, false};
        code = code << 6U | (next & 0x3fU);
    }
    if (code < least[size])
        return {1, false};
    return {size, printable(code)};
}

void append_escaped(std::string& out, char byte)
{
    constexpr char digits[] = "0123456789abcdef";
    switch (byte) {
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default:
        const auto value = static_cast<unsigned char>(byte);
        out += "\\x";
        out += digits[value >> 4U];
        out += digits[value & 0xfU];
    }
}

void append(std::string& out, hawser::bytes_view one, bool is_printable)
{
    if (is_printable)
        out += one;
    else
        for (const char byte : one)
            append_escaped(out, byte);
}

} // namespace

std::string shown(hawser::bytes_view payload)
{
    std::string out = "\"";
    std::size_t at = 0;
    while (at < payload.size()) {
        const character c = first_of(payload.substr(at));
        if (at + c.size > most_shown)
            break;
        if (payload[at] == '"' || payload[at] == '\\')
            out += '\\';
        append(out, payload.substr(at, c.size), c.printable);
        at += c.size;
    }
    out += '"';
    if (at < payload.size())
        out += "... (" + std::to_string(payload.size()) + " bytes)";
    return out;
}

std::string one_line(hawser::bytes_view text)
{
    std::string out;
    while (!text.empty()) {
        if (out.size() >= longest_line)
            return out + "...";
        const character c = first_of(text);
        append(out, text.substr(0, c.size), c.printable);
        text.remove_prefix(c.size);
    }
    return out;
}

} // namespace app
