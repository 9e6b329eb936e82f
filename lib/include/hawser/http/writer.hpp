// SPDX-License-Identifier: BSL-1.0

// HTTP/1.1 messages into bytes: the one place through which every byte of a head goes out, and where it is checked.
//
//     std::string out;
//     append_status_line(out, status::ok);
//     append_field(out, "Content-Type", "text/plain");
//     append_field(out, "Date", dates.at(seconds));
//     append_content_length(out, 13);
//     end_head(out);
//
// What a name, a value, a reason, a method or a target may not hold (CR, LF, NUL and other control characters, and in
// names and targets white space) throws field_error, and then nothing was appended: no caller can end a line early.
//
// Uses message.hpp, no Asio. The functions share nothing: from any thread, each with a string of its own.
#ifndef HAWSER_HTTP_WRITER_HPP
#define HAWSER_HTTP_WRITER_HPP

#include <hawser/bytes.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/http/message.hpp>
#include <hawser/http/status.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hawser::inline v0_1::http {

/// A part of a message that cannot be sent. what() names the part, the value (escaped) and what was expected.
class HAWSER_EXPORT field_error : public std::invalid_argument
{
public:
    using std::invalid_argument::invalid_argument;
};

/// Throws field_error unless `name` is a token and `value` holds visible characters, spaces, tabs and bytes above 127
/// alone, without white space at either end (RFC 9110, section 5.5).
HAWSER_EXPORT void check_field(std::string_view name, std::string_view value);

// ---- The head of a message. Each call appends one whole line, or throws field_error and appends nothing.

/// `HTTP/1.1 404 Not Found`. Throws field_error for a number that is not 100 to 599.
HAWSER_EXPORT void append_status_line(std::string& out, status code);

/// The same with a reason of one's own, which may be empty.
HAWSER_EXPORT void append_status_line(std::string& out, status code, std::string_view reason);

/// `GET /a?b HTTP/1.1`. The target is one of visible ASCII characters, and not empty.
HAWSER_EXPORT void append_request_line(std::string& out, std::string_view method, std::string_view target);

/// `Name: value`, checked as check_field() does. Content-Length and Transfer-Encoding are refused: the functions below
/// are theirs, so that a message cannot have both.
HAWSER_EXPORT void append_field(std::string& out, std::string_view name, std::string_view value);

/// `Content-Length: 13`.
HAWSER_EXPORT void append_content_length(std::string& out, std::uint64_t length);

/// `Transfer-Encoding: chunked`.
HAWSER_EXPORT void append_chunked(std::string& out);

/// `Connection: close` or `Connection: keep-alive`.
HAWSER_EXPORT void append_connection(std::string& out, bool keep_alive);

/// The blank line.
HAWSER_EXPORT void end_head(std::string& out);

// ---- The body

/// How a response of this status to a request of this method and version has to be framed: without a body for HEAD,
/// 1xx, 204, 205 and 304; otherwise by its length if that is known, chunked in HTTP/1.1, and until the close in
/// HTTP/1.0.
HAWSER_EXPORT body_framing framing_of_response(method request, unsigned minor_version, status code,
                                               std::optional<std::uint64_t> length) noexcept;

/// The field that a response framed so has, if any. `length` is what Content-Length says: also in an answer to HEAD and
/// in 304, where it is what GET would have got; never with 1xx and 204 (RFC 9110, section 8.6). With 205 it is
/// `Content-Length: 0`, whatever `framing` and `length` are (RFC 9110, section 15.3.6).
HAWSER_EXPORT void append_framing(std::string& out, body_framing framing, status code,
                                  std::optional<std::uint64_t> length);

/// One piece of a chunked body: its size, the bytes and the end of line. An empty piece appends nothing, as it would
/// end the body.
HAWSER_EXPORT void append_chunk(std::string& out, bytes_view piece);

/// The end of a chunked body, without trailer fields.
HAWSER_EXPORT void append_last_chunk(std::string& out);

/// The longest `size CRLF` that stands before a chunk.
inline constexpr std::size_t max_chunk_head = 18;

/// Writes only what stands before a chunk of `size` bytes, 1 or more, and says how long that is; the chunk is followed
/// by CRLF. For bodies that are written from where they are.
HAWSER_EXPORT std::size_t encode_chunk_head(char (&head)[max_chunk_head], std::size_t size) noexcept;

// ---- The date

/// The value of Date, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7), made anew once a second. One for each
/// loop.
class HAWSER_EXPORT date_cache
{
public:
    date_cache() noexcept { format(0); }

    /// The date of this second, counted since 1970 in UTC, from year 0 to 9999; a time outside of it is the nearest in
    /// it. The view is valid until the next call.
    std::string_view at(std::int64_t seconds) noexcept { return line(seconds).substr(6, 29); }

    /// The same as a whole line, `Date: ...` and CRLF, checked and ready to be appended.
    std::string_view line(std::int64_t seconds) noexcept
    {
        if (seconds != seconds_)
            format(seconds);
        return {line_.data(), line_.size()};
    }

private:
    void format(std::int64_t seconds) noexcept;

    std::int64_t seconds_;
    std::array<char, 37> line_{};
};

/// The time that a date in any of the three formats of RFC 9110, section 5.6.7, names, in seconds since 1970 in UTC;
/// nothing if it is none. For If-Modified-Since.
HAWSER_EXPORT std::optional<std::int64_t> parse_date(std::string_view text) noexcept;

} // namespace hawser::inline v0_1::http

#endif
