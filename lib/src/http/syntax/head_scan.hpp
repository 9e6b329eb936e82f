// SPDX-License-Identifier: BSL-1.0

// The first of three looks at a head: where its lines end, and that no byte stands in it which may stand in none.
//
//     scan    line ends, control characters, limits; each byte once, however the stream is cut
//     tokens  names and values, once the head is there
//     gate    what they mean together, and whether they may
//
// What it refuses depends on the bytes up to one place only, so a head is refused alike however it arrives.
#ifndef HAWSER_SRC_HTTP_SYNTAX_HEAD_SCAN_HPP
#define HAWSER_SRC_HTTP_SYNTAX_HEAD_SCAN_HPP

#include <hawser/bytes.hpp>
#include <hawser/http/parser.hpp>

#include <cstddef>

namespace hawser::inline v0_1::http::detail {

enum class scanned : unsigned char {
    need_more,
    first_line, ///< the request or status line is there: from 0 to scan.line, its CRLF included. Call again.
    complete,   ///< scan.scanned is the head's size
    too_long,   ///< the first line has more than `first_line` bytes
    refused,
};

/// Looks on. `first_line`: the most bytes that the first line may have.
scanned scan_head(head_scan& scan, bytes_view input, const head_limits& limits, std::size_t first_line,
                  refusal& why) noexcept;

/// Throws std::invalid_argument, which names the limit, its value and its range.
void check(const head_limits& limits);

} // namespace hawser::inline v0_1::http::detail

#endif
