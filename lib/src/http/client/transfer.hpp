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

/// What a body_consumer was made of, called with what comes.
struct body_consumer_access {
    static void begin(const body_consumer& to, const response_head& head);
    static awaitable<void> take(const body_consumer& to,
                                bytes_view piece); ///< completes when the consumer has taken it
};

/// A request through all of its redirections.
struct fetch {
    redirects way;
    client_options options;
    http::method method = http::method::get;
    body_consumer to;
    std::string user_agent; ///< when the options leave it open
};

/// Throws field_error for the first field that a client may not add.
void check_fields(const std::vector<field>& fields);

/// The bytes that ask for the current URL.
std::string request_text(const fetch& f);

/// `what` went wrong at `at`, as an exception of the client's.
[[noreturn]] void fail(const fetch& f, phase at, const error_code& code, const std::string& words);

/// Sends the request, reads the response, and gives its body to the consumer. Nothing if the response was a
/// redirection, which `f.way` then stands at. Throws client_error, and what the consumer throws. The connection's
/// timeouts have to be those of the options: frame is the response's, and idle the body's.
awaitable<std::optional<result>> exchange(fetch& f, connection peer);

} // namespace hawser::inline v0_1::http::detail

#endif
