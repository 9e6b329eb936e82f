// SPDX-License-Identifier: BSL-1.0

// Bytes of a server, as they are shown.
//
// Uses nothing but the standard library.
#ifndef LOAD_SHOWN_HPP
#define LOAD_SHOWN_HPP

#include <array>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace load {

/// The first bytes in double quotes, without what a terminal or JSON would take for more than a character.
inline std::string shown(std::string_view text, std::size_t most = 80)
{
    std::string result = "\"";
    for (const char c : text.substr(0, most)) {
        std::array<char, 5> escaped{c};
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            std::snprintf(escaped.data(), escaped.size(), "\\x%02x",
                          static_cast<unsigned>(static_cast<unsigned char>(c)));
        result += escaped.data();
    }
    return result + '"';
}

} // namespace load

#endif
