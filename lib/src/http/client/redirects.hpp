// SPDX-License-Identifier: BSL-1.0

// Where redirections lead a client, and where they end (RFC 9110, section 15.4): at a limit, at a loop, and before
// https turns into http.
//
// Uses no Asio.
#ifndef HAWSER_SRC_HTTP_CLIENT_REDIRECTS_HPP
#define HAWSER_SRC_HTTP_CLIENT_REDIRECTS_HPP

#include "http/syntax/url.hpp"

#include <hawser/http/status.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::inline v0_1::http::detail {

class redirects
{
public:
    redirects(url first, std::size_t limit) : current_{std::move(first)}, limit_{limit}
    {
        visited_.push_back(current_.to_string());
        origin_ = current_;
    }

    /// What is to be asked for now.
    const url& current() const noexcept { return current_; }

    /// Whether that is of the first URL's scheme, host and port: what was meant for that one goes nowhere else.
    bool at_origin() const noexcept { return current_.same_origin(origin_); }

    /// Redirections followed so far.
    std::size_t followed() const noexcept { return visited_.size() - 1; }

    /// What a response of this status asks for: true if another URL is current now, false if the response is the
    /// result. `location` is what Location says, if there is one. With a limit of 0 every response is the result.
    /// Throws hawser::error with errc::redirect_refused, redirect_loop or too_many_redirects.
    bool follow(status code, std::optional<std::string_view> location);

private:
    url current_;
    url origin_;
    std::size_t limit_;
    std::vector<std::string> visited_;
};

} // namespace hawser::inline v0_1::http::detail

#endif
