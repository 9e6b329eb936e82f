// SPDX-License-Identifier: BSL-1.0

// How an exchange reads: a head within the response's deadline, then a body each of whose pieces has a deadline.
#include "http/client/transfer.hpp"

#include "values/scope_exit.hpp"
#include "values/text.hpp"

#include <hawser/http/parser.hpp>

#include <cstdio>

namespace hawser::inline v0_1::http::detail {

using hawser::detail::in_words;
using hawser::detail::quoted;
using hawser::detail::scope_exit;
namespace {

std::string named(const error_code& e)
{
    return symbol(e) + " (" + e.message() + ')';
}

std::string bytes(std::uint64_t n)
{
    return std::to_string(n) + (n == 1 ? " byte" : " bytes");
}

// "3 of 10 bytes of the body", as far as that is known.
std::string so_far(const response_head& head, const body_decoder& body)
{
    if (head.framing() == body_framing::length)
        return std::to_string(body.received()) + " of " + bytes(*head.content_length()) + " of the body";
    return bytes(body.received()) + " of the body";
}

[[noreturn]] void fail_in_head(const fetch& f, const error_code& e, std::size_t got)
{
    if (e == hawser::errc::frame_timeout)
        fail(f, phase::protocol, errc::response_timeout,
             "response_timeout after " + in_words(f.options.response_timeout));
    if (e == hawser::errc::unexpected_end)
        fail(f, phase::protocol, e,
             got == 0 ? "unexpected_end: connection ended without a response"
                      : "unexpected_end: connection ended after " + bytes(got) + " of the response's head");
    // A server's word on the client's certificate may come after the client's handshake has ended.
    fail(f, e == hawser::errc::refused_by_peer && got == 0 ? phase::handshake : phase::protocol, e, named(e));
}

[[noreturn]] void fail_in_body(const fetch& f, const error_code& e, const response_head& head, const body_decoder& body)
{
    if (e == hawser::errc::idle_timeout)
        fail(f, phase::body, errc::body_timeout,
             "body_timeout: no byte for " + in_words(f.options.body_timeout) + " after " + so_far(head, body));
    fail(f, phase::body, e, named(e) + " after " + so_far(head, body));
}

[[noreturn]] void refuse(const fetch& f, const response_parser& parser, bytes_view input)
{
    const bool tls_alert = input.starts_with('\x15'); // RFC 8446, section 5.1
    if (tls_alert && !f.way.current().tls)
        fail(f, phase::protocol, errc::invalid_response, "invalid_response: the server speaks TLS; ask for https://");
    fail(f, phase::protocol, errc::invalid_response, "invalid_response: " + describe(parser.refusal()));
}

void throw_if_cancelled(const system_error& e)
{
    if (e.code() == boost::system::errc::operation_canceled)
        throw e;
}

// The final response's head; its bytes are not consumed.
awaitable<void> read_final_head(const fetch& f, connection& peer, response_parser& parser, std::size_t& got)
{
    for (unsigned interim = 0; interim <= most_interim; ++interim) {
        parser.reset();
        bytes_view input = peer.buffered();
        got = input.size();
        auto state = parser.parse(input);
        while (state == progress::need_more) {
            co_await peer.wait_for_input(got);
            input = peer.buffered(); // within a unit there always is more, or an error
            got = input.size();
            state = parser.parse(input);
        }
        if (state == progress::refused)
            refuse(f, parser, input);
        if (parser.head().status() == status::switching_protocols)
            fail(f, phase::protocol, errc::invalid_response,
                 "invalid_response: 101, and no other protocol was asked for");
        if (static_cast<int>(parser.head().status()) >= 200)
            co_return;
        peer.consume(parser.head().size());
    }
    fail(f, phase::protocol, errc::invalid_response,
         "invalid_response: expected at most " + std::to_string(most_interim) + " interim responses (1xx)");
}

awaitable<void> read_head(const fetch& f, connection& peer, response_parser& parser)
{
    std::size_t got = 0;
    try {
        co_await peer.write(request_text(f));
        co_await read_final_head(f, peer, parser, got);
    } catch (const client_error&) {
        throw;
    } catch (const system_error& e) {
        throw_if_cancelled(e);
        fail_in_head(f, e.code(), got);
    }
}

awaitable<std::optional<bytes_view>> next_piece(const fetch& f, connection& peer, const response_head& head,
                                                const body_decoder& body)
{
    try {
        co_return co_await peer.read_some();
    } catch (const system_error& e) {
        throw_if_cancelled(e);
        fail_in_body(f, e.code(), head, body);
    }
}

// All of the body that `input` holds.
awaitable<void> give(const fetch& f, body_decoder& body, bytes_view input)
{
    for (;;) {
        const body_step step = body.next(input);
        input.remove_prefix(step.consumed);
        if (step.state == body_state::refused)
            fail(f, phase::body, errc::invalid_response, "invalid_response: " + describe(body.refusal()));
        if (step.state != body_state::data)
            co_return;
        co_await body_consumer_access::take(f.to, step.data);
    }
}

awaitable<std::uint64_t> read_body(const fetch& f, connection& peer, const response_head& head)
{
    body_decoder body;
    body.start(head, f.options.max_body.value_or(~std::uint64_t{0}));
    const bytes_view nothing; // a body of no byte is whole before any comes
    co_await give(f, body, nothing);
    while (!body.done()) {
        const auto input = co_await next_piece(f, peer, head, body);
        if (input) {
            co_await give(f, body, *input);
            continue;
        }
        if (!body.ends_here())
            fail(f, phase::body, hawser::errc::unexpected_end,
                 "unexpected_end: connection ended after " + so_far(head, body));
        break;
    }
    co_return body.received();
}

std::optional<std::string_view> location(const fetch& f, const response_head& head)
{
    const auto first = head.fields().find("Location");
    head.fields().find_all("Location", [&](std::string_view each) {
        if (each != *first)
            fail(f, phase::redirect, errc::redirect_refused,
                 "redirect_refused: two Locations, " + quoted(*first) + " and " + quoted(each));
    });
    return first;
}

bool is_redirected(fetch& f, const response_head& head)
{
    try {
        return f.way.follow(head.status(), location(f, head));
    } catch (const client_error&) {
        throw;
    } catch (const hawser::error& e) {
        fail(f, phase::redirect, e.code(), e.what());
    }
}

result result_of(const fetch& f, const connection& peer, const response_head& head)
{
    result r;
    r.url = f.way.current().to_string();
    r.status = head.status();
    r.minor_version = head.minor_version();
    r.reason = head.reason();
    r.fields.reserve(head.fields().size());
    for (const field_view each : head.fields())
        r.fields.push_back({std::string{each.name}, std::string{each.value}});
    r.redirects = f.way.followed();
    r.tls = peer.tls();
    return r;
}

} // namespace

void body_consumer_access::begin(const body_consumer& to, const response_head& head)
{
    if (to.begin_)
        to.begin_(head);
}

awaitable<void> body_consumer_access::take(const body_consumer& to, bytes_view piece)
{
    if (to.await_)
        co_await to.await_(piece);
    else if (to.take_)
        to.take_(piece);
}

void fail(const fetch& f, phase at, const error_code& code, const std::string& words)
{
    throw client_error{at, f.way.current().to_string(), code, words};
}

awaitable<std::optional<result>> exchange(fetch& f, connection peer)
{
    scope_exit unless_whole{[&peer] { peer.reset(); }}; // so that the server stops at once
    response_parser parser;
    parser.answers(f.method);
    unit head = peer.begin_unit();
    head.allow(f.options.response_timeout);
    co_await read_head(f, peer, parser);
    if (is_redirected(f, parser.head()))
        co_return std::nullopt;
    result r = result_of(f, peer, parser.head());
    body_consumer_access::begin(f.to, parser.head());
    peer.consume(parser.head().size());
    head.end();
    r.received = co_await read_body(f, peer, parser.head());
    unless_whole.release();
    co_return r;
}

} // namespace hawser::inline v0_1::http::detail
