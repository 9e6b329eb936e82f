// SPDX-License-Identifier: BSL-1.0

// Words about values, for exceptions and logs.
#ifndef HAWSER_SRC_VALUES_TEXT_HPP
#define HAWSER_SRC_VALUES_TEXT_HPP

#include <hawser/bytes.hpp>
#include <hawser/time.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hawser::inline v0_1::detail {

/// `"a\r\n"`: in double quotes, `"` and `\` escaped, `\n \r \t`, `\xNN` for every other byte that is not visible
/// ASCII, and at most `most` bytes, then `... (N bytes)`. So it is one line, in which a terminal obeys nothing.
std::string quoted(bytes_view bytes, std::size_t most = 256);

/// In seconds: "0.25 s", "10 s".
inline std::string in_words(duration d)
{
    char text[32];
    std::snprintf(text, sizeof text, "%g s", std::chrono::duration<double>(d).count());
    return text;
}

/// In ASCII.
constexpr char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

inline std::string lower(std::string_view text)
{
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
    return out;
}

/// Throws std::invalid_argument naming the option.
inline void check_above_zero(const char* option, duration d)
{
    if (d <= duration::zero())
        throw std::invalid_argument{std::string{option} + ": expected a time above zero, got " +
                                    std::to_string(d.count()) + " ns"};
}

} // namespace hawser::inline v0_1::detail

#endif
