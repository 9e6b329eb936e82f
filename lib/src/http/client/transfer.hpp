// SPDX-License-Identifier: BSL-1.0

// One request and its response over a connection, within a request that redirections may lead through several.
#ifndef HAWSER_SRC_HTTP_CLIENT_TRANSFER_HPP
#define HAWSER_SRC_HTTP_CLIENT_TRANSFER_HPP

#include "http/client/redirects.hpp"

#include <hawser/connection.hpp>
#include <hawser/http/client.hpp>

#include <optional>
#include <string>

namespace hawser::inline v0_1::http::detail {

/// Interim responses (1xx) that are passed over before the final one.
inline constexpr unsigned most_interim = 16;

/// What a sink was made of, called with what comes.
struct sink_access {
    static void begin(const sink& to, const response_head& head);
    static awaitable<void> take(const sink& to, bytes_view piece); ///< completes when the sink has taken it
};

/// A request through all of its redirections.
struct fetch {
    redirects way;
    client_options options;
    http::method method = http::method::get;
    sink to;
    std::string user_agent; ///< when the options leave it open
};

/// Throws field_error for the first field that a client may not add.
void check_fields(const std::vector<owned_field>& fields);

/// The bytes that ask for the current URL.
std::string request_text(const fetch& f);

/// `what` went wrong at `at`, as an exception of the client's.
[[noreturn]] void fail(const fetch& f, step at, const error_code& code, const std::string& words);

/// Sends the request, reads the response, and gives its body to the sink. Nothing if the response was a redirection,
/// which `f.way` then stands at. Throws client_error, and what the sink throws. The connection's timeouts have to be
/// those of the options: frame is the response's, and idle the body's.
awaitable<std::optional<result>> exchange(fetch& f, connection peer);

} // namespace hawser::inline v0_1::http::detail

#endif
