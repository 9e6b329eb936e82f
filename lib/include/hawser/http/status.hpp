// SPDX-License-Identifier: BSL-1.0

// The status codes of HTTP (RFC 9110, section 15), and the words that usually stand behind them.
//
// Uses nothing but the standard library.
#ifndef HAWSER_HTTP_STATUS_HPP
#define HAWSER_HTTP_STATUS_HPP

#include <hawser/detail/export.hpp>

#include <cstdint>
#include <string_view>

namespace hawser::inline v0_1::http {

/// A status code. Any number of 100 to 599 may be cast to it; these have names.
enum class status : std::uint16_t {
    continue_ = 100,
    switching_protocols = 101,
    ok = 200,
    created = 201,
    accepted = 202,
    no_content = 204,
    reset_content = 205,
    partial_content = 206,
    moved_permanently = 301,
    found = 302,
    see_other = 303,
    not_modified = 304,
    temporary_redirect = 307,
    permanent_redirect = 308,
    bad_request = 400,
    unauthorized = 401,
    forbidden = 403,
    not_found = 404,
    method_not_allowed = 405,
    request_timeout = 408,
    conflict = 409,
    gone = 410,
    length_required = 411,
    precondition_failed = 412,
    content_too_large = 413,
    uri_too_long = 414,
    unsupported_media_type = 415,
    range_not_satisfiable = 416,
    expectation_failed = 417,
    upgrade_required = 426,
    too_many_requests = 429,
    request_header_fields_too_large = 431,
    internal_server_error = 500,
    not_implemented = 501,
    bad_gateway = 502,
    service_unavailable = 503,
    gateway_timeout = 504,
    http_version_not_supported = 505,
};

/// The reason phrase of RFC 9110 or 6585 for a status: "Not Found". "Unknown" for a number that has no name here.
/// A constant; from any thread.
HAWSER_EXPORT std::string_view reason(status code) noexcept;

/// Whether a response of this status ends with its head, whatever its fields say: 1xx, 204 and 304 (RFC 9112, section
/// 6.3). 205 has no body either, but says so by its length.
constexpr bool has_no_body(status code) noexcept
{
    return static_cast<int>(code) < 200 || code == status::no_content || code == status::not_modified;
}

} // namespace hawser::inline v0_1::http

#endif
