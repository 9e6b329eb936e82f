// SPDX-License-Identifier: BSL-1.0

// URLs that the client can ask for: http and https, and nothing in them that a request could not carry.
//
//     https://example.org:8443/a/b?c#d
//     ^tls    ^host       ^port
//                             ^^^^^^ target; the fragment is not sent
//
// Uses no Asio.
#ifndef HAWSER_SRC_HTTP_SYNTAX_URL_HPP
#define HAWSER_SRC_HTTP_SYNTAX_URL_HPP

#include <cstdint>
#include <string>
#include <string_view>

namespace hawser::inline v0_1::http::detail {

/// The longest URL that is taken, in bytes.
inline constexpr std::size_t longest_url = 8 * 1024;

struct url {
    bool tls = false;
    std::string host; ///< in lower case; an IPv6 address without brackets
    std::uint16_t port = 0;
    std::string target; ///< path and query as they are sent; begins with "/"

    /// What Host says: the port only where it is not the scheme's own.
    std::string authority() const;
    /// The whole, without a fragment; equal for URLs that ask for the same.
    std::string to_string() const;
    bool same_origin(const url& other) const noexcept
    {
        return tls == other.tls && port == other.port && host == other.host;
    }
};

/// Reads an absolute URL (RFC 3986, RFC 9110, section 4.2). Throws hawser::error with errc::invalid_url, which names
/// the part that is wrong and what was expected.
url parse_url(std::string_view text);

/// The URL that a reference means where `base` was asked for (RFC 3986, section 5). Throws as parse_url().
url resolve_url(const url& base, std::string_view reference);

} // namespace hawser::inline v0_1::http::detail

#endif
