// SPDX-License-Identifier: BSL-1.0

// The errors that HTTP adds to those of <hawser/error.hpp>: what a server refuses, and how a client's request fails.
#ifndef HAWSER_HTTP_ERROR_HPP
#define HAWSER_HTTP_ERROR_HPP

#include <hawser/detail/export.hpp>
#include <hawser/error.hpp>

#include <type_traits>

namespace hawser::inline v0_1::http {

/// What HTTP reports. The symbol of each, as symbol() gives it, is its name here.
enum class errc {
    // A server.
    request_refused = 1, ///< a request that was answered with an error and its connection ended

    // What a client meets.
    invalid_url,        ///< a URL that cannot be read, or that is neither http nor https
    invalid_response,   ///< the server's head or the framing of its body breaks HTTP/1.1
    response_timeout,   ///< the head of the response did not come whole in time
    body_timeout,       ///< no byte of the body came for too long
    too_many_redirects, ///< one more than the limit
    redirect_loop,      ///< a redirection to a URL that was asked for before
    redirect_refused,   ///< a redirection from https to http, or without one clear target
    unsuccessful,       ///< the response's status is 400 or more
};

/// The category of http::errc: its name is "hawser.http".
HAWSER_EXPORT const boost::system::error_category& category() noexcept;

/// Lets http::errc be compared with, and stored as, an error_code.
inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), category()};
}

} // namespace hawser::inline v0_1::http

/// @cond
template <>
struct boost::system::is_error_code_enum<hawser::http::errc> : std::true_type {};
/// @endcond

#endif
