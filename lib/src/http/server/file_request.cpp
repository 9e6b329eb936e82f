// SPDX-License-Identifier: BSL-1.0
#include "http/server/file_request.hpp"

#include <hawser/http/message.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace hawser::inline v0_1::http::detail {
namespace {

constexpr auto types = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"json", "application/json"},
    {"xml", "application/xml"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/x-icon"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},
    {"otf", "font/otf"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"wav", "audio/wav"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"pdf", "application/pdf"},
    {"wasm", "application/wasm"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
});

int hex(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_no_name(char c) noexcept
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\';
}

std::optional<std::string> decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (text.size() - i < 3 || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
                return std::nullopt;
            c = static_cast<char>(16 * hex(text[i + 1]) + hex(text[i + 2]));
            i += 2;
            if (c == '/')
                return std::nullopt;
        }
        if (is_no_name(c))
            return std::nullopt;
        out += c;
    }
    return out;
}

// Beginning with a dot, and none of `served`; or empty. "." and ".." are never among those.
bool is_refused(std::string_view segment, std::span<const std::string> served)
{
    return segment.empty() ||
           (segment.front() == '.' && std::find(served.begin(), served.end(), segment) == served.end());
}

bool has_refused_segment(std::string_view name, std::span<const std::string> served)
{
    while (true) {
        const std::size_t slash = name.find('/');
        if (is_refused(name.substr(0, slash), served))
            return true;
        if (slash == name.npos || slash + 1 == name.size())
            return false;
        name.remove_prefix(slash + 1);
    }
}

// Digits alone; what is too large is the largest.
std::optional<std::uint64_t> number(std::string_view text) noexcept
{
    std::uint64_t n = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, n);
    if (text.empty() || at != end)
        return std::nullopt;
    return error == std::errc::result_out_of_range ? std::numeric_limits<std::uint64_t>::max() : n;
}

} // namespace

std::variant<std::string, status> file_name(std::string_view path, std::span<const std::string> dot_names)
{
    if (!path.starts_with('/'))
        return status::bad_request;
    std::optional<std::string> name = decoded(path.substr(1));
    if (!name)
        return status::bad_request;
    if (name->empty())
        return std::string{"./"};
    if (has_refused_segment(*name, dot_names))
        return status::not_found;
    return std::move(*name);
}

std::string_view media_type(std::string_view name) noexcept
{
    const std::string_view last = name.substr(name.rfind('/') + 1);
    if (const std::size_t dot = last.rfind('.'); dot != last.npos)
        for (const auto& [suffix, type] : types)
            if (same_name(last.substr(dot + 1), suffix))
                return type;
    return "application/octet-stream";
}

std::variant<std::monostate, byte_range, status> read_range(std::string_view field, std::uint64_t size) noexcept
{
    const std::size_t equals = field.find('=');
    if (equals == field.npos || !same_name(field.substr(0, equals), "bytes"))
        return std::monostate{};
    const std::string_view range = field.substr(equals + 1);
    const std::size_t dash = range.find('-');
    if (dash == range.npos)
        return status::range_not_satisfiable;
    const auto first = number(range.substr(0, dash));
    const auto last = number(range.substr(dash + 1));
    if (dash == 0) {
        if (!last || *last == 0 || size == 0)
            return status::range_not_satisfiable;
        const std::uint64_t n = std::min(*last, size);
        return byte_range{size - n, n};
    }
    const bool open_ended = dash + 1 == range.size();
    if (!first || (!last && !open_ended) || *first >= size || (last && *last < *first))
        return status::range_not_satisfiable;
    const std::uint64_t end = open_ended ? size : std::min(*last, size - 1) + 1;
    return byte_range{*first, end - *first};
}

} // namespace hawser::inline v0_1::http::detail
