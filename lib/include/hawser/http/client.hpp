// SPDX-License-Identifier: BSL-1.0

// An HTTP/1.1 client: GET and HEAD over http and https, verified, with every deadline set.
//
//     std::string page;
//     const hawser::http::body_consumer to{[&](hawser::bytes_view piece) { page += piece; }};
//     const auto answer = co_await hawser::http::get("https://example.org/", options, to);
//     hawser::http::require_success(answer);
//
// One request is one connection (Connection: close). Redirections are followed, never from https to http. A body that
// does not come whole is an error, however its end is known.
//
// Uses message.hpp and tls.hpp.
#ifndef HAWSER_HTTP_CLIENT_HPP
#define HAWSER_HTTP_CLIENT_HPP

#include <hawser/awaitable.hpp>
#include <hawser/bytes.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/error.hpp>
#include <hawser/http/error.hpp>
#include <hawser/http/message.hpp>
#include <hawser/http/status.hpp>
#include <hawser/options.hpp>
#include <hawser/tls.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hawser::inline v0_1 {
class connection;
}

namespace hawser::inline v0_1::http {

namespace detail {
struct body_consumer_access;
}

/// What a request was at when it failed.
enum class phase : std::uint8_t {
    url,         ///< the URL that was asked for
    name,        ///< the look-up of its host
    connect,     ///< the connection
    handshake,   ///< TLS, but for the certificate
    certificate, ///< a check of the server's certificate: code() and what() say which
    protocol,    ///< sending the request, and the head of the response
    redirect,    ///< following a redirection
    status,      ///< 400 or more: require_success() alone
    body,        ///< the body of the response
};
HAWSER_EXPORT const char* to_string(phase p) noexcept; ///< in words

/// Why there is no result. what() is one line: the URL, the phase, and what failed in it. What a server sent is
/// escaped.
class HAWSER_EXPORT client_error : public error
{
public:
    /// What failed, where and for which URL.
    client_error(http::phase at, std::string url, const error_code& code, const std::string& words)
        : hawser::error{code, (url.empty() ? url : url + ": ") + to_string(at) + ": " + words}, phase_{at},
          url_{std::move(url)}
    {}

    http::phase phase() const noexcept { return phase_; } ///< where it failed
    /// The URL that was being asked for, the last one of a chain of redirections; empty at phase::url.
    const std::string& url() const noexcept { return url_; }

private:
    http::phase phase_;
    std::string url_;
};

/// A field that is kept: a name and a value.
struct field {
    std::string name;  ///< as the server wrote it
    std::string value; ///< without blanks around it

    friend bool operator==(const field&, const field&) = default;
};

/// What a request may be told.
struct client_options {
    /// Fields beside Host, User-Agent, Accept and Connection, sent behind them in this order. Those four, and what
    /// frames or transforms the message (Content-Length, Expect, Keep-Alive, Proxy-Connection, TE, Trailer,
    /// Transfer-Encoding, Upgrade), are refused, but for Accept, which is a list. Authorization, Cookie and
    /// Proxy-Authorization are not sent to where a redirection leads, if that is another scheme, host or port.
    std::vector<field> fields = {};

    /// What User-Agent says. Empty: hawser/VERSION.
    std::string user_agent = {};

    /// Redirections that are followed. 0: none, and the redirection is the result.
    std::size_t max_redirects = 10;

    // The deadlines, each above zero or `never`.

    /// For the look-up and the connection, without TLS: hawser::errc::connect_timeout.
    duration connect_timeout = 10s;
    /// For the TLS handshake: hawser::errc::handshake_timeout.
    duration handshake_timeout = 10s;
    /// From the request to the whole head of its response, bytes that arrive notwithstanding: response_timeout.
    duration response_timeout = 30s;
    /// Without a byte of the body: body_timeout.
    duration body_timeout = 30s;

    /// The longest body that is taken, in bytes; a longer one is an error as soon as that is known. Unset: any.
    std::optional<std::uint64_t> max_body = std::nullopt;

    /// How https is verified and spoken. `alpn` has to be empty: "http/1.1" is what is offered. `server_name` and the
    /// client's certificate are for the URL's own scheme, host and port, and go nowhere else.
    tls_client tls = {};

    /// The address to connect from, numeric, without a port. Unset: the kernel's choice.
    std::optional<std::string> source = std::nullopt;

    /// Called with each connection once it is ready, before the request is sent. Must not use it later.
    std::function<void(const connection&)> connected = {};
};

/// Where the body of the final response goes, piece by piece as it comes, without its framing. What it throws ends the
/// request and is thrown on. The view that it gets is valid until it returns or, if it is awaitable, completes; as long
/// as that takes, nothing more is read from the server, and no deadline runs.
class HAWSER_EXPORT body_consumer
{
public:
    /// Drops the body.
    body_consumer() = default;

    /// `take(bytes_view)` returns void or awaitable<void>. `begin`, if set, is called once before the first piece, with
    /// the head of the final response, whose views are valid during the call.
    template <class Function>
    requires(!std::same_as<std::remove_cvref_t<Function>, body_consumer> &&
             (std::is_invocable_r_v<awaitable<void>, Function&, bytes_view> ||
              std::is_void_v<std::invoke_result_t<Function&, bytes_view>>))
        body_consumer(Function take, std::function<void(const response_head&)> begin = {})
        : begin_{std::move(begin)}
    {
        if constexpr (std::is_void_v<std::invoke_result_t<Function&, bytes_view>>)
            take_ = std::move(take);
        else
            await_ = std::move(take);
    }

private:
    friend struct detail::body_consumer_access;

    std::function<void(bytes_view)> take_;
    std::function<awaitable<void>(bytes_view)> await_;
    std::function<void(const response_head&)> begin_;
};

/// A response whose body has gone to the body_consumer, whole.
struct HAWSER_EXPORT result {
    std::string url;                        ///< where it came from at last, without a fragment
    http::status status = http::status::ok; ///< any, also of an error
    unsigned minor_version = 1;             ///< 0 or 1, of HTTP/1.0 or HTTP/1.1
    std::string reason;                     ///< as the server worded it; may be empty
    std::vector<field> fields;              ///< in the order of the wire
    std::uint64_t received = 0;             ///< bytes of the body
    std::size_t redirects = 0;              ///< how many were followed
    std::optional<tls_info> tls;            ///< what the last handshake agreed on; nothing over http

    /// The value of the first field of this name, in any case; nothing if there is none.
    std::optional<std::string_view> find(std::string_view name) const noexcept;
};

/// Asks for `url`, follows its redirections, and completes when the body of the final response has gone to `to`, whole.
/// Any status is a result; require_success() tells them apart. Interim responses (1xx) are passed over, at most 16.
///
/// `url` is http://HOST[:PORT]/PATH or https://..., at most 8 KiB of ASCII; it is copied. A fragment is not sent, and a
/// user name or a password in it is refused.
///
/// Throws client_error; std::invalid_argument for options that cannot be used (http::field_error for a field), before
/// anything is sent; tls_error for certificates or keys of one's own that cannot be; endpoint_error with
/// hawser::errc::invalid_endpoint for `source`; and what the consumer throws. Cancelling it ends the request with
/// operation_aborted. Runs on the loop that awaits it; any number at once.
HAWSER_EXPORT awaitable<result> get(std::string_view url, client_options options, body_consumer to);
HAWSER_EXPORT awaitable<result> get(std::string_view url,
                                    client_options options); ///< without a consumer: the body is dropped
HAWSER_EXPORT awaitable<result> get(std::string_view url);   ///< with the defaults, the body dropped

/// The same with HEAD: the head alone, as GET would have got it.
HAWSER_EXPORT awaitable<result> head(std::string_view url, client_options options);
HAWSER_EXPORT awaitable<result> head(std::string_view url); ///< with the defaults

/// Throws client_error with phase::status and errc::unsuccessful if the status is 400 or more.
HAWSER_EXPORT void require_success(const result& answer);

} // namespace hawser::inline v0_1::http

#endif
