// SPDX-License-Identifier: BSL-1.0

// The framing of a body, taken off: by length, by chunks (RFC 9112, section 7.1), or by the end of the stream.
//
//     5;name="value"\r\n    a chunk's head: size, extension_*, size_lf
//     hello\r\n             chunk, chunk_cr, chunk_lf
//     0\r\n                 the last chunk
//     Name: value\r\n       the trailer section: trailer_*
//     \r\n                  last_lf
//
// Data passes in pieces, the rest byte by byte. No byte means two things: white space is refused where the grammar only
// tolerates it, a bare LF everywhere.
#include "http/syntax/characters.hpp"

#include <hawser/http/parser.hpp>

#include <algorithm>

namespace hawser::inline v0_1::http {
namespace {

using detail::is;

int hex_digit(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const char letter = detail::lower(c);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

} // namespace

void body_decoder::start(const request_head& head, std::uint64_t limit, const head_limits& limits) noexcept
{
    const auto length = head.content_length();
    const body_framing framing = head.chunked() ? body_framing::chunked
                                 : length       ? body_framing::length
                                                : body_framing::none;
    start(framing, length.value_or(0), limit, limits);
}

void body_decoder::start(const response_head& head, std::uint64_t limit, const head_limits& limits) noexcept
{
    start(head.framing(), head.content_length().value_or(0), limit, limits);
}

void body_decoder::start(body_framing framing, std::uint64_t length, std::uint64_t limit,
                         const head_limits& limits) noexcept
{
    *this = {};
    limit_ = limit;
    trailer_limits_ = limits;
    switch (framing) {
    case body_framing::none: break;
    case body_framing::chunked: go(where::size); break;
    case body_framing::until_close: go(where::until_close); break;
    case body_framing::length:
        remaining_ = length;
        if (length > limit)
            refuse(status::content_too_large, "body: longer than the limit");
        else if (length != 0)
            go(where::length);
    }
}

void body_decoder::go(where next) noexcept
{
    where_ = next;
    part_size_ = 0;
}

void body_decoder::refuse(status code, std::string_view words) noexcept
{
    refusal_ = {code, words, {}};
    where_ = where::refused;
}

bool body_decoder::ends_here() const noexcept
{
    return where_ == where::done || where_ == where::until_close;
}

body_step body_decoder::next(bytes_view input) noexcept
{
    for (std::size_t at = 0;; ++at) {
        switch (where_) {
        case where::done: return {body_state::done, at, {}};
        case where::refused: return {body_state::refused, at, {}};
        case where::length:
        case where::until_close:
        case where::chunk:
            if (at != input.size())
                return take_data(input, at);
            break;
        default: break;
        }
        if (at == input.size())
            return {body_state::need_more, at, {}};
        take(input[at]);
    }
}

body_step body_decoder::take_data(bytes_view input, std::size_t consumed) noexcept
{
    bytes_view piece = input.substr(consumed);
    if (where_ == where::until_close) {
        if (piece.size() > limit_ - received_) {
            refuse(status::content_too_large, "body: longer than the limit");
            return {body_state::refused, consumed, {}};
        }
    } else {
        piece = piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), remaining_)));
        remaining_ -= piece.size();
        if (remaining_ == 0)
            go(where_ == where::chunk ? where::chunk_cr : where::done);
    }
    received_ += piece.size();
    return {body_state::data, consumed + piece.size(), piece};
}

// One byte that is not data.
void body_decoder::take(char c) noexcept
{
    if (where_ >= where::trailer_first) {
        if (++head_size_ > trailer_limits_.head)
            return refuse(status::request_header_fields_too_large, "trailer section: longer than the limit");
        return take_trailer(c);
    }
    if (++overhead_ > overhead_allowance + received_)
        return refuse(status::bad_request, "chunks: more framing than body");
    if (where_ == where::chunk_cr) {
        if (c != '\r')
            return refuse(status::bad_request, "chunk: expected CRLF behind its data");
        return go(where::chunk_lf);
    }
    if (where_ == where::chunk_lf) {
        if (c != '\n')
            return refuse(status::bad_request, "chunk: expected CRLF behind its data");
        head_size_ = 0;
        return go(where::size);
    }
    if (++head_size_ > chunk_head_limit)
        return refuse(status::bad_request, "chunk: head longer than the limit");
    if (where_ == where::size)
        return take_size(c);
    if (where_ == where::size_lf)
        return c == '\n' ? chunk_begins() : refuse(status::bad_request, "chunk: expected LF behind CR");
    take_extension(c);
}

void body_decoder::take_size(char c) noexcept
{
    constexpr std::uint8_t most_digits = 16;
    if (const int digit = hex_digit(c); digit >= 0) {
        if (++part_size_ > most_digits)
            return refuse(status::bad_request, "chunk: expected a size of at most 16 digits");
        remaining_ = remaining_ << 4 | static_cast<std::uint64_t>(digit);
        return;
    }
    if (part_size_ == 0 || (c != '\r' && c != ';'))
        return refuse(status::bad_request, "chunk: expected a size of hexadecimal digits alone");
    go(c == ';' ? where::extension_name : where::size_lf);
}

void body_decoder::take_extension(char c) noexcept
{
    constexpr std::string_view expected = "chunk: expected extensions as ;name or ;name=value";
    const bool ends = part_size_ != 0 && (c == '\r' || c == ';');
    switch (where_) {
    case where::extension_name:
    case where::extension_token:
        if (is(c, detail::token_character)) {
            part_size_ = 1;
            return;
        }
        if (c == '=' && part_size_ != 0 && where_ == where::extension_name)
            return go(where::extension_value);
        if (ends)
            return go(c == ';' ? where::extension_name : where::size_lf);
        break;
    case where::extension_value:
        if (c == '"')
            return go(where::extension_quoted);
        if (is(c, detail::token_character)) {
            where_ = where::extension_token;
            part_size_ = 1;
            return;
        }
        break;
    case where::extension_quoted:
        if (c == '"')
            return go(where::extension_end);
        if (c == '\\')
            return go(where::extension_escaped);
        if (is(c, detail::quoted_character))
            return;
        break;
    case where::extension_escaped:
        if (is(c, detail::value_character))
            return go(where::extension_quoted);
        break;
    default: // extension_end
        if (c == '\r' || c == ';')
            return go(c == ';' ? where::extension_name : where::size_lf);
    }
    refuse(status::bad_request, expected);
}

// The head of a chunk is there.
void body_decoder::chunk_begins() noexcept
{
    head_size_ = 0;
    if (remaining_ == 0)
        return go(where::trailer_first);
    if (remaining_ > limit_ - received_)
        return refuse(status::content_too_large, "body: longer than the limit");
    go(where::chunk);
}

void body_decoder::take_trailer(char c) noexcept
{
    switch (where_) {
    case where::trailer_first:
        if (c == '\r')
            return go(where::last_lf);
        if (++trailers_ > trailer_limits_.fields)
            return refuse(status::request_header_fields_too_large, "trailer section: more fields than the limit");
        go(where::trailer_name);
        [[fallthrough]];
    case where::trailer_name:
        if (is(c, detail::token_character)) {
            if (part_size_ < sizeof name_)
                name_[part_size_++] = c;
            return;
        }
        if (c == ':' && part_size_ != 0)
            return end_trailer_name();
        return refuse(status::bad_request, "trailer field: expected a name, which is a token, and a colon");
    case where::trailer_value:
        if (c == '\r')
            return go(where::trailer_lf);
        if (is(c, detail::value_character))
            return;
        return refuse(status::bad_request, "trailer field: expected visible characters in its value");
    case where::trailer_lf:
        if (c == '\n')
            return go(where::trailer_first);
        return refuse(status::bad_request, "trailer field: expected LF behind CR");
    default: // last_lf
        if (c == '\n')
            return go(where::done);
        return refuse(status::bad_request, "trailer section: expected LF behind CR");
    }
}

// All trailer fields are dropped; those that would frame the body anew are not even tolerated.
void body_decoder::end_trailer_name() noexcept
{
    const std::string_view name{name_, part_size_};
    if (same_name(name, "content-length") || same_name(name, "transfer-encoding"))
        return refuse(status::bad_request, "trailer field: one that frames the body");
    go(where::trailer_value);
}

} // namespace hawser::inline v0_1::http
