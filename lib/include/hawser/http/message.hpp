// SPDX-License-Identifier: BSL-1.0

// What stands at the head of an HTTP/1.1 message: method, target, status, fields, and how its body is framed. All of it
// is views into the bytes that were parsed; nothing is copied.
//
//     GET /a?b HTTP/1.1\r\n         request_head: method(), target(), path(), query(), minor_version()
//     Host: example.org\r\n         fields: "Host" and "example.org"; host()
//     Content-Length: 3\r\n         content_length()
//     \r\n                          size() is the bytes up to here
//
// A head remembers offsets from its first byte, so that it follows its bytes when they are moved: rebase().
//
// Uses status.hpp and bytes.hpp, no Asio. The parsers of parser.hpp fill what is declared here.
#ifndef HAWSER_HTTP_MESSAGE_HPP
#define HAWSER_HTTP_MESSAGE_HPP

#include <hawser/bytes.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/http/status.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>

namespace hawser::inline v0_1::http {

namespace detail {
struct head_access;

/// A part of the head: so many bytes, so far behind its first. No head is longer than 65,535 bytes.
struct span {
    std::uint16_t at = 0;
    std::uint16_t size = 0;
};

inline constexpr std::uint64_t no_length = ~std::uint64_t{0};
} // namespace detail

/// The methods that Hawser knows (RFC 9110, section 9, and RFC 5789). A request with another is refused with 501, and
/// so are CONNECT, which asks for a proxy, and TRACE.
enum class method : std::uint8_t { get, head, post, put, delete_, options, patch };

/// The method as it stands in a request: "GET".
HAWSER_EXPORT std::string_view to_string(method m) noexcept;

/// How the end of a body is known (RFC 9112, section 6.3).
enum class body_framing : std::uint8_t {
    none,        ///< there is no body
    length,      ///< by Content-Length
    chunked,     ///< by the last chunk
    until_close, ///< by the end of the stream, which cannot be told from a cut one
};

/// Whether two names are the same name, as HTTP compares field names and tokens: without regard to ASCII case.
HAWSER_EXPORT bool same_name(std::string_view a, std::string_view b) noexcept;

/// One field: views into the message's bytes; the value has no white space at either end.
struct field_view {
    std::string_view name;  ///< as the peer wrote it; compare with same_name()
    std::string_view value; ///< without blanks around it
};

/// The fields of one message in the order of the wire, repeated ones included.
class HAWSER_EXPORT fields
{
public:
    class iterator
    {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = field_view;
        using difference_type = std::ptrdiff_t;
        using pointer = const field_view*;
        using reference = field_view;

        iterator() = default;
        field_view operator*() const noexcept { return (*of_)[at_]; }
        iterator& operator++() noexcept
        {
            ++at_;
            return *this;
        }
        iterator operator++(int) noexcept { return {of_, at_++}; }
        friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }

    private:
        friend class fields;
        iterator(const fields* of, std::size_t at) noexcept : of_{of}, at_{at} {}

        const fields* of_ = nullptr;
        std::size_t at_ = 0;
    };

    std::size_t size() const noexcept { return count_; }     ///< how many
    bool empty() const noexcept { return count_ == 0; }      ///< whether there is none
    iterator begin() const noexcept { return {this, 0}; }    ///< the first, in the order of the wire
    iterator end() const noexcept { return {this, count_}; } ///< the end of the range

    /// The field at `i`, which is below size().
    field_view operator[](std::size_t i) const noexcept
    {
        const entry& e = entries()[i];
        return {view(e.name), view(e.value)};
    }

    /// The value of the first field of this name, in any case; nothing if there is none.
    std::optional<std::string_view> find(std::string_view name) const noexcept;

    /// Calls `f(value)` for each field of this name, in order.
    template <class Function>
    void find_all(std::string_view name, Function f) const
    {
        for (const field_view each : *this)
            if (same_name(each.name, name))
                f(each.value);
    }

private:
    friend struct detail::head_access;
    friend class request_head;
    friend class response_head;
    struct entry {
        detail::span name;
        detail::span value;
    };
    // As many as browsers send. Those of a longer head have a place of their own, which is kept for the next.
    static constexpr std::size_t few = 20;

    const entry* entries() const noexcept { return many_ ? many_.get() : few_; }
    std::string_view view(detail::span part) const noexcept { return {base_ + part.at, part.size}; }

    const char* base_ = "";
    std::size_t count_ = 0;
    std::unique_ptr<entry[]> many_;
    entry few_[few]; // each is set before it is used
};

namespace detail {
/// What a request's head says, beside its fields.
struct request_facts {
    std::uint64_t length = no_length;
    span target, path, query, host;
    std::uint16_t size = 0;
    std::uint16_t method_size = 0;
    http::method method{};
    std::uint8_t minor = 1;
    bool chunked = false;
    bool keep_alive = true;
    bool expects_continue = false;
};

/// What a response's head says, beside its fields.
struct response_facts {
    std::uint64_t length = no_length;
    span reason;
    std::uint16_t size = 0;
    http::status status = http::status::ok;
    std::uint8_t minor = 1;
    body_framing framing = body_framing::none;
    bool keep_alive = true;
};
} // namespace detail

/// The head of a request that request_parser has accepted: every rule of RFC 9112 that a server has to hold a client to
/// was checked. Belongs to its parser. Views are valid as long as the parsed bytes stay where they are, or rebase() has
/// said where they went.
class request_head
{
public:
    http::method method() const noexcept { return facts_.method; }                          ///< the request's method
    std::string_view method_text() const noexcept { return view({0, facts_.method_size}); } ///< as it was written

    /// The request target as it was sent: "/a?b", "http://example.org/a?b", or "*" (of OPTIONS alone).
    std::string_view target() const noexcept { return view(facts_.target); }

    /// The target's path, neither decoded nor normalised: begins with "/", or is "*".
    std::string_view path() const noexcept { return facts_.path.size != 0 ? view(facts_.path) : std::string_view{"/"}; }

    /// What follows the target's "?"; empty if nothing does.
    std::string_view query() const noexcept { return view(facts_.query); }

    /// 0 or 1, of HTTP/1.0 or HTTP/1.1.
    unsigned minor_version() const noexcept { return facts_.minor; }

    const http::fields& fields() const noexcept { return fields_; } ///< in the order of the wire

    /// The authority that the request was made for, "example.org:8080": what Host says, with which an absolute target
    /// agrees. Empty only in HTTP/1.0, without either.
    std::string_view host() const noexcept { return view(facts_.host); }

    /// The body's length if the head announces one; nothing for a chunked body, or none.
    std::optional<std::uint64_t> content_length() const noexcept
    {
        return facts_.length == detail::no_length ? std::nullopt : std::optional{facts_.length};
    }
    bool chunked() const noexcept { return facts_.chunked; } ///< whether the body is in chunks

    /// Whether bytes of a body follow the head.
    bool has_body() const noexcept
    {
        return facts_.chunked || (facts_.length != detail::no_length && facts_.length != 0);
    }

    /// Whether the client lets the connection live on after this exchange (RFC 9112, section 9.3).
    bool keep_alive() const noexcept { return facts_.keep_alive; }

    /// Whether the client waits for 100 (Continue) before it sends the body (RFC 9110, section 10.1.1).
    bool expects_continue() const noexcept { return facts_.expects_continue; }

    /// Bytes of the head on the wire, the blank line included. The body follows, or the next request.
    std::size_t size() const noexcept { return facts_.size; }

    /// The head's bytes now begin at `to`: every view obtained from here on is into those.
    void rebase(const char* to) noexcept { fields_.base_ = to; }

private:
    friend struct detail::head_access;

    std::string_view view(detail::span part) const noexcept { return fields_.view(part); }

    http::fields fields_;
    detail::request_facts facts_;
};

/// The head of a response that response_parser has accepted. Views as of request_head.
class response_head
{
public:
    http::status status() const noexcept { return facts_.status; } ///< the status code
    /// As the server worded it; may be empty.
    std::string_view reason() const noexcept { return fields_.view(facts_.reason); }

    /// 0 or 1, of HTTP/1.0 or HTTP/1.1.
    unsigned minor_version() const noexcept { return facts_.minor; }
    const http::fields& fields() const noexcept { return fields_; }  ///< in the order of the wire
    body_framing framing() const noexcept { return facts_.framing; } ///< how the body ends

    /// The Content-Length, also where it frames no body: of an answer to HEAD, or 304.
    std::optional<std::uint64_t> content_length() const noexcept
    {
        return facts_.length == detail::no_length ? std::nullopt : std::optional{facts_.length};
    }

    /// Whether the server lets the connection live on after this exchange.
    bool keep_alive() const noexcept { return facts_.keep_alive; }

    /// Bytes of the head on the wire, the blank line included.
    std::size_t size() const noexcept { return facts_.size; }

    /// The head's bytes now begin at `to`.
    void rebase(const char* to) noexcept { fields_.base_ = to; }

private:
    friend struct detail::head_access;

    http::fields fields_;
    detail::response_facts facts_;
};

} // namespace hawser::inline v0_1::http

#endif
