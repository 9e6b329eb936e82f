// SPDX-License-Identifier: BSL-1.0

// HTTP/1.1 requests, responses and bodies out of a stream of bytes: state machines without a socket, a clock or a copy.
//
//     request_parser  bytes -> request_head, or the refusal to answer with
//     response_parser bytes -> response_head
//     body_decoder    bytes -> pieces of the body
//
//     request_parser parser;
//     body_decoder body;
//     switch (parser.parse(input)) {                       // `input` begins with the request's first byte
//     case progress::need_more: ...                        // call again with the same bytes and more behind them
//     case progress::refused:   ... parser.refusal() ...   // answer with that status, close, interpret nothing more
//     case progress::complete:
//         input.remove_prefix(parser.head().size());
//         body.start(parser.head(), limit);
//         for (;;) {
//             const body_step step = body.next(input);
//             input.remove_prefix(step.consumed);
//             ... step.data, until step.state is not body_state::data
//         }
//     }
//
// Everything is refused that two recipients could read in two ways (RFC 9112, sections 2.2, 5, 6, 7 and 11.2): whoever
// answers a refused request has to close the connection. However a stream is cut into pieces, the outcome is the same.
//
// Uses message.hpp, no Asio. No object here is to be used by two threads at once.
#ifndef HAWSER_HTTP_PARSER_HPP
#define HAWSER_HTTP_PARSER_HPP

#include <hawser/bytes.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/http/message.hpp>
#include <hawser/http/status.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hawser::inline v0_1::http {

/// How much of a head is read before it is refused.
struct head_limits {
    /// Bytes of the whole head, from its first to its blank line; also of the trailer section of a chunked body.
    /// 64 to 65,535. One more is refused with 431.
    std::size_t head = 16 * 1024;

    /// Fields, and trailer fields. 1 to 1,000. One more is refused with 431.
    std::size_t fields = 100;

    /// Bytes of a request's target. 1 to `head`. One more is refused with 414.
    std::size_t target = 8 * 1024;
};

/// How far a head is parsed.
enum class progress : std::uint8_t {
    need_more, ///< it has not arrived whole
    complete,  ///< head() is there
    refused,   ///< refusal() says why; it stays so, whatever follows
};

/// Why a message was refused.
struct refusal {
    /// What a server answers: 400, 413, 414, 417, 431, 501 or 505. Of a response, bad_gateway.
    http::status status{};

    /// What was wrong and what was expected, a constant sentence without the value.
    std::string_view words;

    /// The bytes that were wrong, if they are to be named: a view into what was parsed, valid as long as that is. They
    /// are the peer's: describe() escapes them, and so has whoever else shows them.
    bytes_view value;
};

/// One line for a log: `Content-Length: expected digits, got "+3"`. The value is escaped, and cut after 256 bytes.
HAWSER_EXPORT std::string describe(const refusal& r);

namespace detail {
/// How far a head was looked through for the ends of its lines.
struct head_scan {
    std::uint32_t scanned = 0; // nothing before it is left to be seen
    std::uint32_t line = 0;    // where the line begins that is looked at
    std::uint32_t lines = 0;   // whole ones before it
};
} // namespace detail

/// Parses the head of one request after another.
class HAWSER_EXPORT request_parser
{
public:
    /// Throws std::invalid_argument, which names the limit, its value and its range.
    explicit request_parser(const head_limits& limits = {});

    /// Looks for one head at the start of `input`: what has arrived from the request's first byte on. Never looks
    /// beyond the head. While it needs more, call it again with the same bytes, wherever they are now, and at least one
    /// more behind them; it remembers how far it has looked, so that a sender of single bytes costs linear time. A byte
    /// that may stand in no head is refused when it has arrived, a wrong request line or a folded field when its line
    /// has, what is too long when the limit has; what is wrong with the fields when the head is whole.
    ///
    /// Allocates nothing for heads of up to 20 fields; for longer ones once, and keeps it.
    progress parse(bytes_view input);

    /// The head, once it is complete and until the next reset(). Its views are into the input of that parse().
    const request_head& head() const noexcept { return head_; }

    /// The head's bytes have moved to `to`.
    void rebase(const char* to) noexcept { head_.rebase(to); }

    /// Why the request was refused, once it was.
    const http::refusal& refusal() const noexcept { return refusal_; }

    /// Ready for the next request.
    void reset() noexcept
    {
        scan_ = {};
        state_ = progress::need_more;
    }

    const head_limits& limits() const noexcept { return limits_; } ///< what it was made with

private:
    void begin(bytes_view input) noexcept;
    void finish(bytes_view head);
    progress refuse(const http::refusal& why) noexcept;

    request_head head_;
    http::refusal refusal_;
    head_limits limits_;
    detail::head_scan scan_;
    detail::span authority_; // of an absolute target
    progress state_ = progress::need_more;
};

/// Parses the head of one response after another, for clients. As strict as request_parser, and otherwise like it.
class HAWSER_EXPORT response_parser
{
public:
    /// Throws std::invalid_argument. The limit of the target means nothing here.
    explicit response_parser(const head_limits& limits = {});

    /// The next response answers a request of this method: one to HEAD has no body. Before parse(); `get` at first.
    void answers(http::method request) noexcept { request_ = request; }

    /// As request_parser::parse(). An interim response (1xx) is complete by itself, without a body; the one that it
    /// announces follows it.
    progress parse(bytes_view input);

    const response_head& head() const noexcept { return head_; } ///< the head; views into the input that was parsed
    void rebase(const char* to) noexcept { head_.rebase(to); }   ///< the input has moved to here
    const http::refusal& refusal() const noexcept { return refusal_; } ///< why it was refused
    /// Ready for the next head.
    void reset() noexcept
    {
        scan_ = {};
        state_ = progress::need_more;
    }

private:
    void begin(bytes_view input) noexcept;
    void finish(bytes_view head);
    progress refuse(const http::refusal& why) noexcept;

    response_head head_;
    http::refusal refusal_;
    head_limits limits_;
    detail::head_scan scan_;
    http::method request_ = http::method::get;
    progress state_ = progress::need_more;
};

/// What body_decoder::next found.
enum class body_state : std::uint8_t {
    need_more, ///< all of the input is consumed, and the body goes on
    data,      ///< a piece of the body; call next() again with what is not consumed
    done,      ///< the body is complete: what is not consumed is the next message's
    refused,   ///< refusal() says why; it stays so
};

/// What next() has found.
struct body_step {
    body_state state = body_state::need_more; ///< what there is to do

    /// So many bytes at the front of the input are done with.
    std::size_t consumed = 0;

    /// The piece, not empty, if state is `data`: a view into the input.
    bytes_view data{};
};

/// Takes the framing off a body: Content-Length, chunked (RFC 9112, section 7.1), or the end of the stream. Keeps no
/// byte of it. Of a chunked body the extensions are checked and ignored, and trailer fields are checked and dropped.
///
/// Besides the body's own limit, what surrounds it is limited: a chunk's head to 4 KiB, all chunk heads and ends
/// together to 16 KiB and one byte more for each byte of body that came, and the trailer section as a head is.
class HAWSER_EXPORT body_decoder
{
public:
    static constexpr std::size_t chunk_head_limit = 4 * 1024;    ///< bytes of one chunk's head
    static constexpr std::size_t overhead_allowance = 16 * 1024; ///< bytes of chunk heads beyond their share

    /// A decoder of no body: done at once.
    body_decoder() = default;

    /// The body behind this head, of at most `limit` bytes: an announced length or a chunk that passes it is refused
    /// with 413 as soon as it is known. `limits` are those of the trailer section.
    void start(const request_head& head, std::uint64_t limit, const head_limits& limits = {}) noexcept;
    /// The same for a response.
    void start(const response_head& head, std::uint64_t limit, const head_limits& limits = {}) noexcept;

    /// Takes from the front of `input`, which goes on where the last call had consumed. Allocates nothing.
    body_step next(bytes_view input) noexcept;

    /// The stream has ended behind what was consumed: whether the body is whole.
    bool ends_here() const noexcept;

    /// Bytes of the body, without its framing, that have come.
    std::uint64_t received() const noexcept { return received_; }

    /// Bytes of the body that are known to follow: the rest of its length, or of the chunk.
    std::uint64_t remaining() const noexcept { return remaining_; }

    bool done() const noexcept { return where_ == where::done; } ///< whether the body has ended

    /// Why the body was refused, once it was. Its value is never set.
    const http::refusal& refusal() const noexcept { return refusal_; }

private:
    enum class where : std::uint8_t {
        done,
        refused,
        length,
        until_close,
        // A chunk's head, its data, and the end of line behind them.
        size,
        extension_name,
        extension_value,
        extension_token,
        extension_quoted,
        extension_escaped,
        extension_end,
        size_lf,
        chunk,
        chunk_cr,
        chunk_lf,
        // The trailer section.
        trailer_first,
        trailer_name,
        trailer_value,
        trailer_lf,
        last_lf,
    };

    void start(body_framing framing, std::uint64_t length, std::uint64_t limit, const head_limits& limits) noexcept;
    body_step take_data(bytes_view input, std::size_t consumed) noexcept;
    void take(char c) noexcept;
    void take_size(char c) noexcept;
    void take_extension(char c) noexcept;
    void chunk_begins() noexcept;
    void take_trailer(char c) noexcept;
    void end_trailer_name() noexcept;
    void go(where next) noexcept;
    void refuse(http::status code, std::string_view words) noexcept;

    std::uint64_t received_ = 0;
    std::uint64_t remaining_ = 0;
    std::uint64_t limit_ = 0;
    std::uint64_t overhead_ = 0;
    http::refusal refusal_;
    head_limits trailer_limits_;
    std::uint32_t head_size_ = 0; // bytes of this chunk's head, or of the trailer section
    std::uint32_t trailers_ = 0;
    std::uint8_t part_size_ = 0; // of a part in which the first byte, or the number of them, means something
    where where_ = where::done;
    char name_[18] = {}; // how a trailer field's name begins: more than those that matter have
};

} // namespace hawser::inline v0_1::http

#endif
