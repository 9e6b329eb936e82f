// SPDX-License-Identifier: BSL-1.0
#include <hawser/http/writer.hpp>

#include "http/syntax/characters.hpp"
#include "values/text.hpp"

#include <algorithm>
#include <charconv>

namespace hawser::inline v0_1::http {
namespace {

using detail::all;
using detail::is_token;

constexpr std::string_view line_end = "\r\n";

[[noreturn]] void refuse(std::string_view part, bytes_view value, std::string_view expected)
{
    throw field_error{std::string{part} + ": expected " + std::string{expected} + ", got " +
                      hawser::detail::quoted(value)};
}

// All of the parts, or nothing if there is no memory for them.
template <class... Parts>
void append(std::string& out, const Parts&... parts)
{
    const std::size_t before = out.size();
    const std::size_t size = (std::string_view{parts}.size() + ...);
    if (out.capacity() - before < size)
        out.reserve(std::max(before + size, 2 * out.capacity()));
    (out.append(std::string_view{parts}), ...);
}

struct decimal {
    explicit decimal(std::uint64_t value) noexcept
        : size{static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits)}
    {}
    operator std::string_view() const noexcept { return {digits, size}; }
    char digits[20];
    std::size_t size;
};

void check_status(status code)
{
    if (static_cast<unsigned>(code) < 100 || static_cast<unsigned>(code) > 599)
        refuse("status", decimal{static_cast<std::uint64_t>(code)}, "100 to 599");
}

bool is_value(std::string_view text) noexcept
{
    return all(text, detail::value_character) && detail::trimmed(text).size() == text.size();
}

bool is_target(std::string_view text) noexcept
{
    for (const char c : text)
        if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f)
            return false;
    return !text.empty();
}

} // namespace

void check_field(std::string_view name, std::string_view value)
{
    if (!is_token(name))
        refuse("field name", name, "letters, digits or !#$%&'*+-.^_`|~");
    if (!is_value(value))
        refuse(std::string{"value of "}.append(name), value,
               "visible characters, spaces and tabs, and none of these at either end");
}

void append_status_line(std::string& out, status code)
{
    if (code == status::ok)
        return append(out, "HTTP/1.1 200 OK\r\n");
    append_status_line(out, code, reason(code));
}

void append_status_line(std::string& out, status code, std::string_view reason)
{
    check_status(code);
    if (!all(reason, detail::value_character))
        refuse("reason", reason, "visible characters, spaces and tabs");
    append(out, "HTTP/1.1 ", decimal{static_cast<std::uint64_t>(code)}, " ", reason, line_end);
}

void append_request_line(std::string& out, std::string_view method, std::string_view target)
{
    if (!is_token(method))
        refuse("method", method, "letters, digits or !#$%&'*+-.^_`|~");
    if (!is_target(target))
        refuse("target", target, "visible ASCII characters");
    append(out, method, " ", target, " HTTP/1.1\r\n");
}

void append_field(std::string& out, std::string_view name, std::string_view value)
{
    check_field(name, value);
    if (same_name(name, "content-length") || same_name(name, "transfer-encoding"))
        refuse("field name", name, "none that frames the body: append_framing() writes those");
    append(out, name, ": ", value, line_end);
}

void append_content_length(std::string& out, std::uint64_t length)
{
    append(out, "Content-Length: ", decimal{length}, line_end);
}

void append_chunked(std::string& out)
{
    append(out, "Transfer-Encoding: chunked\r\n");
}

void append_connection(std::string& out, bool keep_alive)
{
    append(out, keep_alive ? std::string_view{"Connection: keep-alive\r\n"} : "Connection: close\r\n");
}

void end_head(std::string& out)
{
    append(out, line_end);
}

body_framing framing_of_response(method request, unsigned minor_version, status code,
                                 std::optional<std::uint64_t> length) noexcept
{
    if (request == method::head || has_no_body(code) || code == status::reset_content)
        return body_framing::none;
    if (length)
        return body_framing::length;
    return minor_version >= 1 ? body_framing::chunked : body_framing::until_close;
}

void append_framing(std::string& out, body_framing framing, status code, std::optional<std::uint64_t> length)
{
    if (code == status::reset_content) // which its recipient would otherwise wait for a body of
        return append_content_length(out, 0);
    if (framing == body_framing::chunked)
        return append_chunked(out);
    const bool never = static_cast<unsigned>(code) < 200 || code == status::no_content;
    if (framing != body_framing::until_close && length && !never)
        append_content_length(out, *length);
}

void append_chunk(std::string& out, bytes_view piece)
{
    if (piece.empty())
        return;
    char head[max_chunk_head];
    append(out, std::string_view{head, encode_chunk_head(head, piece.size())}, piece, line_end);
}

void append_last_chunk(std::string& out)
{
    append(out, "0\r\n\r\n");
}

std::size_t encode_chunk_head(char (&head)[max_chunk_head], std::size_t size) noexcept
{
    char* end = std::to_chars(head, head + max_chunk_head - line_end.size(), size, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    return static_cast<std::size_t>(end - head);
}

} // namespace hawser::inline v0_1::http
