// SPDX-License-Identifier: BSL-1.0

// The third of three looks at a head: what its parts mean together. What two recipients could understand in two ways is
// refused here (RFC 9112, sections 3, 6 and 11.2), whatever the parser in front of it lets pass.
#ifndef HAWSER_SRC_HTTP_SYNTAX_GATE_HPP
#define HAWSER_SRC_HTTP_SYNTAX_GATE_HPP

#include "http/syntax/tokens.hpp"

#include <hawser/http/message.hpp>
#include <hawser/http/parser.hpp>

#include <cstdint>
#include <memory>

namespace hawser::inline v0_1::http::detail {

/// The way for the parsers into the heads that they fill.
struct head_access {
    static request_facts& facts(request_head& head) noexcept { return head.facts_; }
    static response_facts& facts(response_head& head) noexcept { return head.facts_; }
    template <class Head>
    static fields& of(Head& head) noexcept
    {
        return head.fields_;
    }

    static void begin(fields& to, const char* base) noexcept
    {
        to.base_ = base;
        to.count_ = 0;
    }
    /// Room for `count` fields: in the head itself, or else for `limit`, so that it need not grow again.
    template <class Head>
    static void reserve(Head& head, std::size_t count, std::size_t limit)
    {
        if (fields& of = head.fields_; count > fields::few && !of.many_)
            of.many_ = std::make_unique<fields::entry[]>(limit);
    }
    static void add(fields& to, span name, span value) noexcept
    {
        (to.many_ ? to.many_.get() : to.few_)[to.count_++] = {name, value};
    }
};

/// What frames a message, gathered field by field. There is room for the fields.
class framing_gate : public field_receiver
{
public:
    framing_gate(fields& to, bytes_view head) noexcept;

    /// Why on_field() said no, or finish() did.
    const http::refusal& refusal() const noexcept { return refusal_; }

protected:
    ~framing_gate() = default;

    /// Looks at the fields that frame a message, and no others.
    bool take(known_field which, std::string_view value) noexcept;
    bool add(std::string_view name, std::string_view value) noexcept;
    /// What is known once all fields are: that length and coding do not contradict each other or the version.
    bool check_framing(unsigned minor) noexcept;
    bool refuse(status code, std::string_view words, bytes_view value = {}) noexcept;
    bool keep_alive(unsigned minor) const noexcept { return !close_ && (minor >= 1 || keep_); }
    span part(std::string_view text) const noexcept;

    std::uint64_t length_ = no_length;
    bool chunked_ = false;

private:
    bool take_length(std::string_view value) noexcept;
    bool take_coding(std::string_view value) noexcept;
    bool take_connection(std::string_view value) noexcept;
    bool take_connection_option(std::string_view option) noexcept;

    fields& fields_;
    const char* base_;
    http::refusal refusal_;
    std::string_view coding_;
    bool coded_ = false;         // there is a Transfer-Encoding
    bool other_coding_ = false;  // with a coding that is not chunked
    bool after_chunked_ = false; // and one behind that
    bool close_ = false;
    bool keep_ = false;
};

/// The request line, without its CRLF. Sets the facts it states, and `authority` to that of an absolute target.
/// False: `why` is set.
bool read_request_line(bytes_view line, const head_limits& limits, request_facts& facts, span& authority,
                       refusal& why) noexcept;

/// Takes a request's fields.
class request_gate final : public framing_gate
{
public:
    using framing_gate::framing_gate;
    bool on_field(known_field which, std::string_view name, std::string_view value) noexcept override;

    /// All fields were taken: states the rest of the facts. False: refused.
    bool finish(request_facts& facts, std::string_view authority) noexcept;

private:
    bool take_host(std::string_view value) noexcept;
    void take_expectation(std::string_view value) noexcept;
    bool check_host(const request_facts& facts, std::string_view authority) noexcept;

    std::string_view host_;
    std::string_view unknown_expectation_;
    unsigned hosts_ = 0;
    bool expects_continue_ = false;
    bool expects_other_ = false;
};

/// Takes a response's fields.
class response_gate final : public framing_gate
{
public:
    using framing_gate::framing_gate;
    bool on_field(known_field which, std::string_view name, std::string_view value) noexcept override;

    /// `request`: the method that is answered.
    bool finish(response_facts& facts, method request) noexcept;
};

/// Whether this is a host, in brackets if it is an IPv6 address, with or without a port.
bool is_authority(std::string_view text) noexcept;

} // namespace hawser::inline v0_1::http::detail

#endif
