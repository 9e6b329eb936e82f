// SPDX-License-Identifier: BSL-1.0
#include "http/syntax/head_scan.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

namespace hawser::inline v0_1::http::detail {
namespace {

// Where in [from, end) the first control character stands, tabs included; `end` if none does.
std::size_t find_control(const char* bytes, std::size_t from, std::size_t end) noexcept
{
#if defined(__SSE2__)
    for (; end - from >= sizeof(__m128i); from += sizeof(__m128i)) {
        const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + from));
        const __m128i below = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
        const __m128i del = _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f));
        if (const int found = _mm_movemask_epi8(_mm_or_si128(below, del)); found != 0)
            return from + static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(found)));
    }
#endif
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t tops = 0x8080808080808080;
    for (; std::endian::native == std::endian::little && end - from >= sizeof ones; from += sizeof ones) {
        std::uint64_t word;
        std::memcpy(&word, bytes + from, sizeof word);
        // A top bit for each byte below 0x20, and each that is 0x7f; borrows only mark bytes above the first.
        const std::uint64_t below = (word - ones * 0x20) & ~word;
        const std::uint64_t flipped = word ^ ones * 0x7f;
        const std::uint64_t del = (flipped - ones) & ~flipped;
        if (const std::uint64_t found = (below | del) & tops; found != 0)
            return from + static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }
    while (from != end && static_cast<unsigned char>(bytes[from]) >= 0x20 && bytes[from] != 0x7f)
        ++from;
    return from;
}

scanned refuse(refusal& why, status code, std::string_view words, bytes_view value = {}) noexcept
{
    why = {code, words, value};
    return scanned::refused;
}

scanned too_large(refusal& why) noexcept
{
    return refuse(why, status::request_header_fields_too_large, "head: longer than the limit");
}

} // namespace

scanned scan_head(head_scan& scan, bytes_view input, const head_limits& limits, std::size_t first_line,
                  refusal& why) noexcept
{
    const std::size_t end = std::min(input.size(), limits.head);
    const char* const bytes = input.data();
    for (;;) {
        const std::size_t at = find_control(bytes, scan.scanned, end);
        scan.scanned = static_cast<std::uint32_t>(at);
        if (scan.lines == 0 && at > first_line)
            return scanned::too_long;
        if (at == end || (bytes[at] == '\r' && at + 1 == end))
            return end == limits.head ? too_large(why) : scanned::need_more;
        if (bytes[at] == '\t') {
            ++scan.scanned;
            continue;
        }
        if (bytes[at] != '\r')
            return refuse(why, status::bad_request, "head: expected visible characters, and lines that end with CRLF",
                          input.substr(scan.line, at + 1 - scan.line));
        if (bytes[at + 1] != '\n')
            return refuse(why, status::bad_request, "head: expected a line feed behind a carriage return",
                          input.substr(scan.line, at + 1 - scan.line));

        const std::size_t line = scan.line;
        scan.line = scan.scanned = static_cast<std::uint32_t>(at + 2);
        if (at == line)
            return scan.lines != 0 ? scanned::complete
                                   : refuse(why, status::bad_request, "head: begins with an empty line");
        if (scan.lines++ == 0)
            return scanned::first_line;
        if (bytes[line] == ' ' || bytes[line] == '\t')
            return refuse(why, status::bad_request, "field: begins with white space, or is folded",
                          input.substr(line, at - line));
        if (scan.lines - 1 > limits.fields)
            return refuse(why, status::request_header_fields_too_large, "head: more fields than the limit");
    }
}

void check(const head_limits& limits)
{
    const auto within = [](const char* name, std::size_t value, std::size_t least, std::size_t most) {
        if (value < least || value > most)
            throw std::invalid_argument{std::string{name} + ": expected " + std::to_string(least) + " to " +
                                        std::to_string(most) + ", got " + std::to_string(value)};
    };
    within("head_limits::head", limits.head, 64, 65'535);
    within("head_limits::fields", limits.fields, 1, 1'000);
    within("head_limits::target", limits.target, 1, limits.head);
}

} // namespace hawser::inline v0_1::http::detail
