// SPDX-License-Identifier: BSL-1.0
#include "admin/answers.hpp"

#include "admin/gathering.hpp"
#include "admin/host.hpp"
#include "admin/metrics.hpp"

#include <algorithm>
#include <string>

namespace hawser::inline v0_1::detail {
namespace {

constexpr duration patience = 1s; // with loops that do not answer
constexpr const char* text_type = "text/plain; charset=utf-8";

constexpr const char* there_is = "GET  /connections  every socket: a table, or JSON with Accept: application/json\n"
                                 "GET  /metrics      counts, as Prometheus reads them\n"
                                 "GET  /health       200 ready, 503 draining or without a listener\n"
                                 "POST /drain        begins the drain; on a Unix socket only";

awaitable<void> send(http::response& response, http::status code, const char* type, const std::string& body)
{
    response.status(code);
    response.set("Content-Type", type);
    response.set("Cache-Control", "no-store");
    co_await response.send(body);
}

awaitable<void> say(http::response& response, http::status code, std::string words)
{
    words += '\n';
    co_await send(response, code, text_type, words);
}

awaitable<void> allow_only(http::response& response, const char* methods)
{
    response.set("Allow", methods);
    std::string words = "expected ";
    words += methods;
    co_await say(response, http::status::method_not_allowed, std::move(words));
}

// Whether a field of Accept has this range among its own, other than to refuse it.
bool lists_json(std::string_view accept)
{
    while (!accept.empty()) {
        const std::size_t comma = std::min(accept.find(','), accept.size());
        std::string_view range = accept.substr(0, comma);
        accept.remove_prefix(std::min(comma + 1, accept.size()));
        const std::size_t end = std::min(range.find(';'), range.size());
        const std::string_view parameters = range.substr(end);
        range = range.substr(0, end);
        while (!range.empty() && (range.front() == ' ' || range.front() == '\t'))
            range.remove_prefix(1);
        while (!range.empty() && (range.back() == ' ' || range.back() == '\t'))
            range.remove_suffix(1);
        const std::size_t weight = parameters.find("q=0");
        const bool refused =
            weight != parameters.npos && parameters.find_first_of("123456789", weight) == parameters.npos;
        if (http::same_name(range, "application/json") && !refused)
            return true;
    }
    return false;
}

bool wants_json(const http::request& request)
{
    bool found = false;
    request.fields().find_all("Accept", [&](std::string_view value) { found = found || lists_json(value); });
    return found;
}

awaitable<void> connections(const admin_subject& about, http::request& request, http::response& response)
{
    const bool as_json = wants_json(request);
    const socket_rows rows = co_await gather(about.here, about.shown, patience);
    response.set("Vary", "Accept");
    if (as_json)
        co_await send(response, http::status::ok, "application/json", to_json(rows, about.process));
    else
        co_await send(response, http::status::ok, text_type, to_table(rows, about.process));
}

awaitable<void> health(const admin_subject& about, http::response& response)
{
    const char* const why_not = about.served->begun_draining() ? "draining"
                                : about.served->lost()         ? "every listener has failed"
                                                               : nullptr;
    co_await say(response, why_not != nullptr ? http::status::service_unavailable : http::status::ok,
                 why_not != nullptr ? why_not : "ready");
}

awaitable<void> drain_now(const admin_subject& about, const http::request& request, http::response& response)
{
    if (!about.may_drain)
        co_return co_await say(response, http::status::forbidden, "the drain is begun through a Unix socket only");
    if (request.method() != http::method::post)
        co_return co_await allow_only(response, "POST");
    about.served->drain().begin("drain");
    co_await say(response, http::status::accepted, "draining");
}

} // namespace

awaitable<void> answer(const admin_subject& about, http::request& request, http::response& response)
{
    const std::string_view host = request.head().host(); // empty only in HTTP/1.0, which no browser speaks
    if (!host.empty() && !names_no_foreign_host(host))
        co_return co_await say(response, http::status::forbidden, "Host: expected an address or localhost");
    const std::string_view path = request.path();
    if (path == "/drain")
        co_return co_await drain_now(about, request, response);
    if (path != "/" && path != "/connections" && path != "/metrics" && path != "/health")
        co_return co_await say(response, http::status::not_found, there_is);
    if (request.method() != http::method::get && request.method() != http::method::head)
        co_return co_await allow_only(response, "GET, HEAD");
    if (path == "/connections")
        co_await connections(about, request, response);
    else if (path == "/metrics")
        co_await send(response, http::status::ok, metrics_type, to_metrics(*about.served));
    else if (path == "/health")
        co_await health(about, response);
    else
        co_await say(response, http::status::ok, there_is);
}

} // namespace hawser::inline v0_1::detail
