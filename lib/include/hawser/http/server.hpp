// SPDX-License-Identifier: BSL-1.0

// An HTTP/1.1 server (RFC 9110, RFC 9112): the handler is a coroutine from a request to its response.
//
//     hawser::awaitable<void> hello(hawser::http::request& request, hawser::http::response& response)
//     {
//         response.set("Content-Type", "text/plain");
//         co_await response.send("Hello, World!");
//     }
//
//     server.listen("tcp://127.0.0.1:8080", hawser::http::serve(hello));
//
// serve() makes a session of it, for any listener: it keeps connections alive, answers pipelined requests in their
// order, refuses what RFC 9112 refuses, bounds what a client may send and how long it may take, and at drain answers
// what has arrived, the last with `Connection: close`.
//
// Uses message.hpp and Asio's coroutine type. No router, no templates, no compression.
#ifndef HAWSER_HTTP_SERVER_HPP
#define HAWSER_HTTP_SERVER_HPP

#include <hawser/awaitable.hpp>
#include <hawser/bytes.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/http/error.hpp>
#include <hawser/http/message.hpp>
#include <hawser/http/parser.hpp>
#include <hawser/http/status.hpp>
#include <hawser/http/writer.hpp>
#include <hawser/time.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hawser::inline v0_1 {
class connection;
}

namespace hawser::inline v0_1::http {

namespace detail {
class exchange;
}

/// A request that is to be answered with a status instead of what its handler was about to send: request's reads throw
/// it for a body that is refused, and a handler may throw it. While nothing is sent, the server answers with the status
/// and the words as text; later the connection is reset.
class HAWSER_EXPORT status_error : public std::runtime_error
{
public:
    /// The request is answered with `code`, 400 to 599; `words` are its body. Throws field_error for another: what is
    /// no error is what response::status() is for.
    status_error(http::status code, const std::string& words);
    http::status code() const noexcept { return code_; } ///< what is answered

private:
    http::status code_;
};

/// A request whose head was accepted. Belongs to the server, and is used by its handler until that returns; views into
/// the head are valid as long, also while the body is read.
class HAWSER_EXPORT request
{
public:
    request(const request&) = delete;
    request& operator=(const request&) = delete;

    const request_head& head() const noexcept { return head_; }            ///< method, target and fields
    http::method method() const noexcept { return head_.method(); }        ///< GET, HEAD, ...
    std::string_view target() const noexcept { return head_.target(); }    ///< as it was sent
    std::string_view path() const noexcept { return head_.path(); }        ///< neither decoded nor normalised
    std::string_view query() const noexcept { return head_.query(); }      ///< behind the question mark
    const http::fields& fields() const noexcept { return head_.fields(); } ///< in the order of the wire

    /// The value of the first field of this name, in any case; nothing if there is none.
    std::optional<std::string_view> find(std::string_view name) const noexcept { return head_.fields().find(name); }

    /// The connection that it came by, for its facts (endpoints, TLS). Nothing is to be read from it or written to it.
    hawser::connection& peer() const noexcept;

    /// Lets this request's body have `bytes` instead of serve_options::max_body. Before the first read.
    void limit_body(std::uint64_t bytes) noexcept;

    /// A piece of the body, not empty, as it has arrived; nothing when it is complete, and then for ever. The view is
    /// valid until the next read of this request, or until the handler returns. The first read of a request that
    /// waits for it sends 100 (Continue).
    ///
    /// Throws status_error with 413 for a body over the limit, at once if its length was announced, and with 400 for
    /// one that is not framed as RFC 9112 says; hawser::error with hawser::errc::frame_timeout for a client slower than
    /// serve_options allow, unexpected_end for one that leaves, and as connection::read_some(). Cancelling it loses no
    /// byte. One read at a time.
    awaitable<std::optional<bytes_view>> read_some();

    /// All of the body that was not read yet, in one piece. The view is valid until the handler returns. Otherwise as
    /// read_some().
    awaitable<bytes_view> read_all();

private:
    friend class detail::exchange;
    request(detail::exchange& of, const request_head& head) noexcept : exchange_{of}, head_{head} {}

    detail::exchange& exchange_;
    const request_head& head_;
};

/// The response to a request: either sent whole, or written piece by piece. Belongs to the server, as request does.
/// Date, Content-Length, Transfer-Encoding and Connection are the server's own.
///
/// A handler that returns without having sent anything, or throws before it has, is answered for with 500 and the
/// connection ended; one that throws later resets it.
class HAWSER_EXPORT response
{
public:
    response(const response&) = delete;
    response& operator=(const response&) = delete;

    /// The status, 200 to 599; 200 at first. Throws field_error for another, std::logic_error once sent().
    void status(http::status code);
    http::status status() const noexcept { return status_; } ///< 200 unless set

    /// Sets a field, in place of all of this name that were set or added. Throws field_error (writer.hpp) for a name
    /// that is no token, a value that holds a control character, and the names that are the server's own; nothing has
    /// changed then. std::logic_error once sent().
    void set(std::string_view name, std::string_view value);

    /// Adds a field beside those of the same name: Set-Cookie. Otherwise as set().
    void add(std::string_view name, std::string_view value);

    /// Ends the connection after this response, and says so in it. std::logic_error once sent().
    void close();

    /// The whole response: head, Content-Length and body, which has to stay valid until completion. Of an answer to
    /// HEAD, and of 204, 205 and 304, the head alone is sent.
    ///
    /// Completes when all of it is accepted for output, at once unless the peer has fallen behind, and leaves together
    /// with its neighbours. Throws std::length_error for a body of another length than content_length() says, unless
    /// the head alone is sent; std::logic_error if one is sent already, and as connection::write(); cancelled, it may
    /// have sent a part, and nothing more can be sent.
    awaitable<void> send(bytes_view body = {});

    /// The length of the body. Before the first piece of it; without it, a body in pieces is chunked, and for HTTP/1.0
    /// ended by the end of the connection. Where the head alone is sent, it is what Content-Length says in an answer to
    /// HEAD and in 304: the length that GET, or 200, would have had (RFC 9110, section 8.6). 204 has none, and 205
    /// has 0. std::logic_error once sent().
    void content_length(std::uint64_t bytes);

    /// A piece of the body, after the head if it is the first; an empty one may send the head alone. The body is
    /// complete when the handler returns. Completion, errors and cancellation as send(); std::length_error for more
    /// than content_length(), and then nothing of the piece is sent. A handler that returns with less resets the
    /// connection. Where the head alone is sent, the pieces are dropped, however long they are.
    awaitable<void> write(bytes_view piece);

    /// Whether the head is on its way: the status and the fields are settled.
    bool sent() const noexcept { return sent_; }

private:
    friend class detail::exchange;
    explicit response(detail::exchange& of) noexcept : exchange_{of} {}
    void check_unsent() const;

    detail::exchange& exchange_;
    http::status status_ = http::status::ok;
    bool sent_ = false;
    bool close_ = false;
    std::optional<std::uint64_t> length_;
};

/// From a request to its response. Runs on the connection's loop, for one request of a connection at a time, and
/// several at a time on different loops. A capturing lambda is no coroutine that outlives its captures: the session
/// shares the handler until it ends. A plain function that returns response.send()'s awaitable is a handler too, and
/// saves a coroutine; what it throws is answered for in the same way.
using handler = std::function<awaitable<void>(request&, response&)>;

/// What a client may send, and how long it may take.
struct serve_options {
    /// Bytes, fields and target of a request's head: 431, and 414 for the target.
    head_limits head = {};

    /// Bytes of a request's body, without its framing; one more is refused with 413 when the handler reads it. 0 allows
    /// none.
    std::uint64_t max_body = 1024 * 1024;

    /// From a request's first byte to the end of its head, however the bytes come: 408. Above zero; `never` waits for
    /// ever. Between two requests the connection's timeouts().idle holds.
    duration head_timeout = std::chrono::seconds{10};

    /// What a body may take: `body_timeout`, and 1 s for each `body_rate` bytes that have come. Counted while the
    /// handler reads; a slower client is cut: hawser::errc::frame_timeout. Above zero, `never` waits for ever; the rate
    /// is 1 or more.
    duration body_timeout = std::chrono::seconds{5};
    std::uint64_t body_rate = 240; ///< bytes a second

    /// Bytes of a body that its handler did not read: up to so many are read and dropped, so that the connection can go
    /// on. For more, and for a body that does not come whole in the time of `body_timeout` and `body_rate`, counted
    /// from the end of the handler, the connection is ended once the response is sent, and not reset.
    std::uint64_t max_unread_body = 64 * 1024;
};

/// A session for server::listen(), and for anything else that takes a connection, that answers requests through `h`.
/// Throws std::invalid_argument, naming the field, for options out of range and for an empty handler.
///
/// The next request of a connection is looked at when the one before is answered: any number may arrive pipelined, and
/// no more is read than one buffer holds while answers wait for the peer. A request that is refused is answered, the
/// connection ended and nothing behind it looked at; the session's end is told with errc::request_refused.
HAWSER_EXPORT std::function<awaitable<void>(hawser::connection&)> serve(handler h, const serve_options& options = {});

} // namespace hawser::inline v0_1::http

#endif
