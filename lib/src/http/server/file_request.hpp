// SPDX-License-Identifier: BSL-1.0

// What a static file's request and response say: a path, a range, a type. No file is touched here.
#ifndef HAWSER_SRC_HTTP_SERVER_FILE_REQUEST_HPP
#define HAWSER_SRC_HTTP_SERVER_FILE_REQUEST_HPP

#include <hawser/http/status.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace hawser::inline v0_1::http::detail {

/// A request's path as a name relative to the root, without the leading "/", "." for the root itself and a trailing "/"
/// where the request has one; or the status that refuses it: bad_request for what no name can be, not_found for an
/// empty segment and for one that begins with a dot and is none of `dot_names`.
std::variant<std::string, status> file_name(std::string_view path, std::span<const std::string> dot_names = {});

/// The media type for a file of this name, by what follows its last ".".
std::string_view media_type(std::string_view name) noexcept;

struct byte_range {
    std::uint64_t first = 0;
    std::uint64_t size = 0;
};

/// What Range asks for of `size` bytes (RFC 9110, section 14.2). Nothing: all of it, as it knows another unit than
/// bytes. An unsatisfiable one, a malformed one, and more than one are refused: range_not_satisfiable.
std::variant<std::monostate, byte_range, status> read_range(std::string_view field, std::uint64_t size) noexcept;

} // namespace hawser::inline v0_1::http::detail

#endif
