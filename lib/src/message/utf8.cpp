// SPDX-License-Identifier: BSL-1.0
#include "message/utf8.hpp"

#include <array>

namespace hawser::detail {
namespace {

constexpr std::array<char32_t, 5> least_of_size{0, 0, 0x80, 0x800, 0x10000};

// The size of the character at the front; 0 if there is none.
std::size_t first_character(bytes_view text) noexcept
{
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80)
        return 1;
    const std::size_t size = lead >= 0xf5 ? 0U : lead >= 0xf0 ? 4U : lead >= 0xe0 ? 3U : lead >= 0xc2 ? 2U : 0U;
    if (size == 0 || size > text.size())
        return 0;
    char32_t code = lead & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0U) != 0x80)
            return 0;
        code = code << 6U | (next & 0x3fU);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least_of_size[size] || code > 0x10ffff || surrogate ? 0 : size;
}

} // namespace

std::size_t valid_utf8(bytes_view text) noexcept
{
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t size = first_character(text.substr(at));
        if (size == 0)
            break;
        at += size;
    }
    return at;
}

void append_utf8(std::string& out, char32_t code)
{
    if (code < 0x80) {
        out += static_cast<char>(code);
        return;
    }
    const unsigned following = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    const char32_t mark = 0xf00U >> (following + 1U) & 0xffU; // as many ones as bytes, and a zero
    out += static_cast<char>(mark | code >> 6U * following);
    for (unsigned left = following; left-- > 0;)
        out += static_cast<char>(0x80U | (code >> 6U * left & 0x3fU));
}

} // namespace hawser::detail
