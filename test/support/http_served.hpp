// SPDX-License-Identifier: BSL-1.0

// An HTTP server in memory with one client, and the bytes that they say to each other; of a date only that there is
// one.
#ifndef HAWSER_TEST_HTTP_SERVED_HPP
#define HAWSER_TEST_HTTP_SERVED_HPP

#include "kit_namespace.hpp"
#include "scenario.hpp"

#include <hawser/http/server.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace hawser::test {

using http::request;
using http::response;
using http::status;

inline const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
inline const std::string get_last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
inline const std::string hello = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\n\r\nhello";
inline const std::string hello_last =
    "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";

// A whole answer of the server's own.
inline std::string refused_with(const std::string& status_line, const std::string& words)
{
    return "HTTP/1.1 " + status_line +
           "\r\nDate: D\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
           std::to_string(words.size() + 1) + "\r\n\r\n" + words + '\n';
}

inline const std::string failed = refused_with("500 Internal Server Error", "the server could not answer this request");

inline std::string undated(std::string text)
{
    constexpr std::string_view name = "Date: ";
    constexpr std::string_view example = "Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    for (std::size_t at = text.find(name); at != text.npos; at = text.find(name, at + 1)) {
        const std::size_t value = at + name.size();
        if (text.find("GMT\r\n", value) == value + example.size() - 5)
            text.replace(value, example.size(), "D\r\n");
    }
    return text;
}

inline awaitable<void> say_hello(request&, response& r)
{
    co_await r.send("hello");
}

inline awaitable<void> echo_path(request& q, response& r)
{
    co_await r.send(q.path());
}

inline awaitable<void> echo_body(request& q, response& r)
{
    const bytes_view body = co_await q.read_all();
    co_await r.send(body);
}

inline awaitable<void> stream_body(request& q, response& r)
{
    while (const auto piece = co_await q.read_some())
        co_await r.write(*piece);
}

// A server, and one client of it.
struct served : server_scenario {
    explicit served(http::handler h, const http::serve_options& options = {}, server_options o = {})
        : server_scenario{std::move(o)}, client{open(http::serve(std::move(h), options))}
    {}

    std::string ask(bytes_view text)
    {
        client.send(text);
        return told();
    }
    std::string told() { return undated(client.received()); }

    peer client;
};

inline std::string post(const std::string& body, const std::string& more = "")
{
    return "POST /a HTTP/1.1\r\nHost: a\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

} // namespace hawser::test

#endif
