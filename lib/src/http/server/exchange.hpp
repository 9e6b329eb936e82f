// SPDX-License-Identifier: BSL-1.0

// One request and its response on a server's connection, and where those of a loop are kept.
//
//     input of the connection:   | head | body | next request ...
//                                 ^ begin()     ^ done() consumes to here
//
// Views of the head have to last as long as the handler. They are into the connection's input as long as nothing more
// is read before the end of the request: without a body, or with one that is there already. Otherwise the head is
// copied before the handler sees it, and the body consumed as it comes.
//
// A connection has an exchange from the first byte of a request until no byte is left: an idle one holds none.
// Three files share the work: exchange.cpp (heads, the order of things), request.cpp (bodies) and
// response.cpp (output).
#ifndef HAWSER_SRC_HTTP_SERVER_EXCHANGE_HPP
#define HAWSER_SRC_HTTP_SERVER_EXCHANGE_HPP

#include "http/server/field_lines.hpp"

#include <hawser/connection.hpp>
#include <hawser/http/parser.hpp>
#include <hawser/http/server.hpp>
#include <hawser/http/writer.hpp>

#include <boost/asio/execution_context.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::inline v0_1::http::detail {

/// What the sessions of one serve() share.
struct serving {
    http::handler handle;
    serve_options options;
};

/// Output that was not accepted at once, in order.
struct pieces {
    bytes_view first;
    bytes_view second;
    bytes_view third;
};

/// A response's head as it was composed last: what the next one shares with it need not be composed again.
///
///     | status line, Date, fields | Connection, framing, blank line |
///                                  ^ prefix                          ^ size
struct composed_head {
    struct prefix_of {
        http::status code = http::status::ok;
        std::int64_t second = 0;
        std::uint64_t fields_version = 0;
        std::size_t fields_size = 0;
        friend bool operator==(const prefix_of&, const prefix_of&) = default;
    };
    struct rest_of {
        std::optional<std::uint64_t> length;
        body_framing framing = body_framing::none;
        bool keep_alive = false;
        unsigned minor_version = 1;
        friend bool operator==(const rest_of&, const rest_of&) = default;
    };
    prefix_of from;
    rest_of with;
    std::size_t prefix = 0; // 0: nothing stands
    std::size_t size = 0;
};

class exchange
{
public:
    explicit exchange(date_cache& dates) : dates_{dates}, request_{*this, parser_.head()}, response_{*this} {}
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;

    /// Taken for a connection, and given back.
    void attach(hawser::connection& peer, const serving& s);
    void detach() noexcept;

    // ---- The head (exchange.cpp)

    progress parse(bytes_view input) { return parser_.parse(input); }

    /// The rest of a head of which `have` bytes have come. need_more: it did not come in time.
    awaitable<progress> read_head(std::size_t have);

    /// Answers a request whose head was refused, or did not come in time, ends the connection and throws.
    awaitable<void> refuse(bytes_view input);
    awaitable<void> time_out(bytes_view input);

    /// A head is complete at the start of `input`.
    void begin(bytes_view input)
    {
        const request_head& head = parser_.head();
        method_ = head.method();
        minor_version_ = head.minor_version();
        used_ = head.size();
        body_done_ = true;
        in_place_ = false;
        if (head.has_body()) [[unlikely]]
            begin_body(input);
    }

    awaitable<void> handle() { return serving_->handle(request_, response_); }

    /// The handler has thrown `e`: answers for it, or throws it.
    awaitable<void> handler_threw(std::exception_ptr e);

    /// The handler has returned: ends the response. Says whether all that remains is done(), and nothing for finish().
    bool finish_now() { return (sent_whole_ && body_done_) || end_response(); }

    /// Ends the response, and reads what the handler has left of the body.
    awaitable<void> finish();

    bool keeps_alive() const noexcept { return keep_alive_; }

    /// Ready for the next request.
    void done();

    // ---- The body (request.cpp)

    hawser::connection& peer() const noexcept { return *peer_; }
    void limit_body(std::uint64_t bytes) noexcept { body_limit_ = bytes; }
    awaitable<std::optional<bytes_view>> read_some();
    awaitable<bytes_view> read_all();

    // ---- The response (response.cpp)

    field_lines& fields() noexcept { return fields_; }

    /// Accepts the whole response, and says so; or leaves in `rest` what has to wait for room.
    bool send(bytes_view body, pieces& rest);

    /// The same for a piece of the body, whose head goes out before the first.
    bool write(bytes_view piece, pieces& rest);

    /// Completes when `rest` is accepted.
    awaitable<void> put(pieces rest);

private:
    // exchange.cpp
    awaitable<void> fail(std::exception_ptr e);
    awaitable<void> end_with(http::status code, bytes_view input, std::string_view words);
    void answer(http::status code, std::string_view words, pieces& rest);
    void reset_response() noexcept;
    bool end_response();
    bool is_torn() const noexcept;

    // request.cpp
    void begin_body(bytes_view input);
    std::optional<bytes_view> take_in_place();
    bool begin_reading(std::uint64_t limit);
    void start_reading(std::uint64_t limit);
    awaitable<void> say_continue();
    bool take(bytes_view input, body_step& step);
    duration time_for_body() const noexcept;
    void allow_time();
    void drop_piece();
    [[noreturn]] void refuse_body(const refusal& why);
    awaitable<void> drop_body();
    awaitable<std::optional<bytes_view>> read_in_time(time_point begin);
    bool leaves_too_much() const noexcept;

    // response.cpp
    void compose_head(std::optional<std::uint64_t> length);
    std::size_t compose_prefix(const composed_head::prefix_of& from);
    std::size_t compose_rest(const composed_head::rest_of& with, std::size_t prefix);
    bool lives_on() noexcept;
    bool sends_body() const noexcept;
    bool put_now(pieces& rest);

    hawser::connection* peer_ = nullptr;
    const serving* serving_ = nullptr;

    // First what each request touches.
    unit unit_;                                 // a request that does not come in one piece
    std::size_t used_ = 0;                      // of the connection's input: what done() consumes
    std::size_t held_ = 0;                      // of it behind that: the piece of a body that was handed out
    std::uint64_t written_ = 0;                 // of the response's body
    http::method method_ = http::method::get;   // that the response answers
    unsigned minor_version_ = 1;                // and its version
    body_framing framing_ = body_framing::none; // of the response
    bool sent_whole_ = false;                   // all of the response is accepted
    bool keep_alive_ = false;                   // the connection goes on; settled with the response's head
    bool body_done_ = true;                     // nothing of the request's body is left to be read from the connection
    bool in_place_ = false;                     // the body lies in the connection's input, whole: body_
    bool body_refused_ = false;                 // what follows cannot be told from a request
    bool continue_due_ = false;                 // the client waits for 100 (Continue)
    bool reading_ = false;                      // the decoder has begun
    bool collecting_ = false;                   // collected_ holds a part of the body that no read has returned
    std::string out_;                           // output on its way to the connection
    composed_head last_;                        // what its front still holds of the response before
    field_lines fields_;                        // of the response
    date_cache& dates_;
    request_parser parser_;
    http::request request_;
    http::response response_;

    // What requests with a body touch.
    std::optional<std::uint64_t> body_limit_;
    bytes_view body_;
    body_decoder decoder_;
    std::string head_copy_;
    std::string collected_;
};

/// The exchanges of one loop that no connection has now. A service of its context: it outlives every connection.
class exchange_pool final : public boost::asio::execution_context::service
{
public:
    using key_type = exchange_pool;
    inline static boost::asio::execution_context::id id;

    explicit exchange_pool(boost::asio::execution_context& context) : service{context} {}

    std::unique_ptr<exchange> take();
    void give(std::unique_ptr<exchange> e) noexcept;

private:
    void shutdown() noexcept override {}

    date_cache dates_;
    std::vector<std::unique_ptr<exchange>> free_;
};

/// An exchange as long as a connection needs one.
class exchange_lease
{
public:
    exchange_lease(hawser::connection& peer, const serving& s);
    exchange_lease(const exchange_lease&) = delete;
    exchange_lease& operator=(const exchange_lease&) = delete;
    ~exchange_lease() { give_back(); }

    exchange& get()
    {
        if (!taken_)
            take();
        return *taken_;
    }
    void give_back() noexcept
    {
        if (taken_)
            pool_.give(std::move(taken_));
    }

private:
    void take();

    hawser::connection& peer_;
    const serving& serving_;
    exchange_pool& pool_;
    std::unique_ptr<exchange> taken_;
};

} // namespace hawser::inline v0_1::http::detail

#endif
