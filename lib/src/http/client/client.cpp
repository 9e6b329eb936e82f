// SPDX-License-Identifier: BSL-1.0
#include <hawser/http/client.hpp>

#include "http/client/transfer.hpp"

#include <hawser/connect.hpp>
#include <hawser/http/writer.hpp>
#include <hawser/version.hpp>

#include <boost/asio/error.hpp>

#include <stdexcept>

namespace hawser::inline v0_1::http {
namespace {

using namespace detail;

constexpr const char* default_user_agent = "hawser/" HAWSER_VERSION_STRING;

void check_deadline(const char* name, duration d)
{
    if (d <= duration::zero())
        throw std::invalid_argument{std::string{"client_options."} + name + ": expected a time above zero, got " +
                                    std::to_string(d.count()) + " ns"};
}

void check(const client_options& o)
{
    check_fields(o.fields);
    check_field("User-Agent", o.user_agent);
    check_deadline("connect_timeout", o.connect_timeout);
    check_deadline("handshake_timeout", o.handshake_timeout);
    check_deadline("response_timeout", o.response_timeout);
    check_deadline("body_timeout", o.body_timeout);
    if (!o.tls.alpn.empty())
        throw std::invalid_argument{"client_options.tls.alpn: expected none, as the client offers http/1.1"};
}

redirects way_from(const std::string& url, std::size_t limit)
{
    try {
        return {parse_url(url), limit};
    } catch (const hawser::error& e) {
        throw client_error{phase::url, {}, e.code(), e.what()};
    }
}

connect_options connecting(const fetch& f)
{
    const client_options& o = f.options;
    connect_options c;
    c.connect_timeout = o.connect_timeout;
    c.timeouts = {.idle = o.body_timeout, .frame = o.response_timeout};
    c.source = o.source;
    if (!f.way.current().tls)
        return c;
    c.handshake_timeout = o.handshake_timeout;
    c.tls = o.tls;
    c.tls.alpn = {"http/1.1"};
    if (!f.way.at_origin()) {
        c.tls.server_name.reset();
        c.tls.certificate_chain = c.tls.private_key = {};
    }
    return c;
}

bool is_own(const error_code& e)
{
    return e == hawser::errc::invalid_certificate || e == hawser::errc::invalid_key ||
           e == hawser::errc::key_mismatch || e.category() != hawser::category();
}

phase phase_of_tls(const error_code& e)
{
    switch (static_cast<hawser::errc>(e.value())) {
    case hawser::errc::certificate_missing:
    case hawser::errc::certificate_expired:
    case hawser::errc::certificate_not_yet_valid:
    case hawser::errc::certificate_wrong_name:
    case hawser::errc::certificate_unknown_authority:
    case hawser::errc::certificate_self_signed:
    case hawser::errc::certificate_wrong_purpose:
    case hawser::errc::certificate_revoked:
    case hawser::errc::certificate_refused: return phase::certificate;
    default: return phase::handshake;
    }
}

// Of the words of connect(), those from the error's symbol on: before it stands the endpoint, which the URL names.
std::string own_words(const system_error& e)
{
    const std::string_view words = e.what();
    const std::string name = symbol(e.code());
    const auto at = words.find(name);
    return at == words.npos ? name + ": " + std::string{words} : std::string{words.substr(at)};
}

[[noreturn]] void fail_in_tls(const fetch& f, const tls_error& e)
{
    if (is_own(e.code()))
        throw e;
    fail(f, phase_of_tls(e.code()), e.code(), own_words(e));
}

[[noreturn]] void fail_to_connect(const fetch& f, const endpoint_error& e)
{
    const bool look_up = std::string_view{e.what()}.find(": look-up: ") != std::string_view::npos;
    fail(f, look_up ? phase::name : phase::connect, e.code(), own_words(e));
}

endpoint endpoint_of(const url& u)
{
    return u.tls ? endpoint::tls(u.host, u.port) : endpoint::tcp(u.host, u.port);
}

awaitable<connection> open(const fetch& f)
{
    endpoint where = endpoint_of(f.way.current());
    connect_options options = connecting(f);
    try {
        co_return co_await connect(std::move(where), std::move(options));
    } catch (const tls_error& e) {
        fail_in_tls(f, e);
    } catch (const endpoint_error& e) {
        if (e.code() == hawser::errc::invalid_endpoint)
            throw;
        fail_to_connect(f, e);
    } catch (const system_error& e) { // of the connection, during the handshake
        if (e.code() == boost::asio::error::operation_aborted)
            throw;
        fail(f, phase::handshake, e.code(), symbol(e.code()) + " (" + e.code().message() + ')');
    }
}

awaitable<result> fetch_url(std::string url, client_options options, body_consumer to, method how)
{
    check(options);
    const std::size_t most = options.max_redirects;
    fetch f{way_from(url, most), std::move(options), how, std::move(to), default_user_agent};
    for (;;) {
        connection peer = co_await open(f);
        if (f.options.connected)
            f.options.connected(peer);
        if (auto answer = co_await exchange(f, std::move(peer)))
            co_return std::move(*answer);
    }
}

} // namespace

const char* to_string(phase p) noexcept
{
    switch (p) {
    case phase::url: return "url";
    case phase::name: return "name";
    case phase::connect: return "connect";
    case phase::handshake: return "handshake";
    case phase::certificate: return "certificate";
    case phase::protocol: return "protocol";
    case phase::redirect: return "redirect";
    case phase::status: return "status";
    case phase::body: return "body";
    }
    return "unknown";
}

std::optional<std::string_view> result::find(std::string_view name) const noexcept
{
    for (const field& f : fields)
        if (same_name(f.name, name))
            return f.value;
    return std::nullopt;
}

awaitable<result> get(std::string_view url, client_options options, body_consumer to)
{
    return fetch_url(std::string{url}, std::move(options), std::move(to), method::get);
}

// Not default arguments: g++ 12 destroys those twice, in a caller that awaits the call.
awaitable<result> get(std::string_view url, client_options options)
{
    return get(url, std::move(options), body_consumer{});
}

awaitable<result> get(std::string_view url)
{
    return get(url, client_options{}, body_consumer{});
}

awaitable<result> head(std::string_view url, client_options options)
{
    return fetch_url(std::string{url}, std::move(options), {}, method::head);
}

awaitable<result> head(std::string_view url)
{
    return head(url, client_options{});
}

void require_success(const result& answer)
{
    const int code = static_cast<int>(answer.status);
    if (code < 400)
        return;
    const std::string_view words = answer.reason.empty() ? reason(answer.status) : std::string_view{answer.reason};
    throw client_error{phase::status, answer.url, errc::unsuccessful, std::to_string(code) + ' ' + std::string{words}};
}

} // namespace hawser::inline v0_1::http
