// SPDX-License-Identifier: BSL-1.0
#include "common/shown.hpp"

#include <boost/locale/utf.hpp>

#include <array>

namespace app {
namespace {

constexpr std::size_t most_shown = 256;
constexpr std::size_t longest_line = 2000;

namespace utf = boost::locale::utf;

struct range {
    utf::code_point first;
    utf::code_point last;
};

// Controls, what changes the order or the end of a line on the way to the reader's eye, and what is no character.
constexpr std::array unprintable{
    range{0x0000, 0x001f},   range{0x007f, 0x009f},        range{0x00ad, 0x00ad}, range{0x061c, 0x061c},
    range{0x200b, 0x200c},   range{0x200e, 0x200f},        range{0x2028, 0x202e}, range{0x2060, 0x206f},
    range{0xe000, 0xf8ff},   range{0xfeff, 0xfeff},        range{0xfff0, 0xfffb}, range{0xfffe, 0xffff},
    range{0xe0000, 0xe00ff}, range{0xf0000, utf::illegal},
};

bool printable(utf::code_point code) noexcept
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
    const char* next = text.data();
    const utf::code_point code = utf::utf_traits<char>::decode(next, text.data() + text.size());
    const std::size_t size = utf::is_valid_codepoint(code) ? static_cast<std::size_t>(next - text.data()) : 1;
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
