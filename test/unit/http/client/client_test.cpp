// SPDX-License-Identifier: BSL-1.0

// The HTTP client: exchanges over a connection in memory, and whole fetches over loopback.
#include <hawser/http/client.hpp>

#include "http/client/transfer.hpp"
#include "scenario.hpp"
#include "thrown.hpp"

#include <hawser/http/writer.hpp>
#include <hawser/server.hpp>

#define BOOST_TEST_MODULE http_client
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using http::detail::parse_url;
using http::detail::redirects;

namespace {

bool has(const std::string& text, std::string_view part)
{
    return text.find(part) != text.npos;
}

http::detail::fetch asking(const char* url, http::client_options options = {}, http::method how = http::method::get)
{
    const std::size_t limit = options.max_redirects;
    return {redirects{parse_url(url), limit}, std::move(options), how, {}, "hawser/0"};
}

detail::settings with(const timeouts& t)
{
    return {.timeouts = t, .look_every = detail::look_interval(t)};
}

// One exchange over memory, whose server is the test.
struct asked {
    explicit asked(http::detail::fetch f = asking("http://example.org/"), std::size_t chunk = 0)
        : fetched{std::move(f)}, ends{run.connect(with({.idle = fetched.options.body_timeout,
                                                        .frame = fetched.options.response_timeout}))}
    {
        if (chunk != 0)
            server.chunks(chunk);
        fetched.to = http::body_consumer{[this](bytes_view piece) { body += piece; },
                                         [this](const http::response_head& head) {
                                             begun.push_back(std::to_string(static_cast<int>(head.status())));
                                         }};
    }

    task<void> begin()
    {
        auto t = run.start(exchange(fetched, std::move(ends.first), answer));
        request = server.received();
        return t;
    }

    // Begins, answers, ends the stream, and says how it went: "200", "redirected", or what was thrown.
    std::string answered(bytes_view response)
    {
        const auto t = begin();
        server.send(response);
        server.end();
        return how(t);
    }

    std::string how(const task<void>& t) const
    {
        if (!t.done())
            return "suspended";
        if (t.outcome() != "done")
            return t.outcome() + " | " + t.what();
        return answer ? std::to_string(static_cast<int>(answer->status)) : "redirected";
    }

    static awaitable<void> exchange(http::detail::fetch& f, connection c, std::optional<http::result>& answer)
    {
        answer = co_await http::detail::exchange(f, std::move(c));
    }

    scenario run;
    http::detail::fetch fetched;
    std::pair<connection, peer> ends;
    peer& server = ends.second;
    std::optional<http::result> answer;
    std::string request;
    std::string body;
    std::vector<std::string> begun;
};

awaitable<void> get_without_options(std::string_view url)
{
    co_await http::get(url);
}

awaitable<void> head_without_options(std::string_view url)
{
    co_await http::head(url);
}

} // namespace

// ---- The request

BOOST_AUTO_TEST_CASE(a_request_has_five_lines_of_its_own_and_then_those_that_were_given)
{
    asked get{
        asking("http://example.org:8080/a?b#c", {.fields = {{"X-One", "1"}, {"Accept", "text/html"}, {"X-One", "2"}}})};
    get.begin();
    BOOST_TEST(get.request == "GET /a?b HTTP/1.1\r\n"
                              "Host: example.org:8080\r\n"
                              "User-Agent: hawser/0\r\n"
                              "Accept: */*\r\n"
                              "Connection: close\r\n"
                              "X-One: 1\r\n"
                              "Accept: text/html\r\n"
                              "X-One: 2\r\n"
                              "\r\n");
    asked head{asking("https://[::1]", {.user_agent = "tester/1 (of tests)"}, http::method::head)};
    head.begin();
    BOOST_TEST(head.request == "HEAD / HTTP/1.1\r\n"
                               "Host: [::1]\r\n"
                               "User-Agent: tester/1 (of tests)\r\n"
                               "Accept: */*\r\n"
                               "Connection: close\r\n"
                               "\r\n");
}

BOOST_AUTO_TEST_CASE(secrets_are_not_sent_to_where_a_redirection_leads_unless_it_is_the_same_origin)
{
    const auto sent_to = [](const char* location) {
        auto f =
            asking("http://h/",
                   {.fields = {{"authorization", "a"}, {"Cookie", "b"}, {"Proxy-Authorization", "c"}, {"X", "d"}}});
        f.way.follow(http::status::found, location);
        return request_text(f);
    };
    for (const char* same : {"/other", "http://H:80/other"}) {
        BOOST_TEST(has(sent_to(same), "authorization: a\r\nCookie: b\r\nProxy-Authorization: c\r\nX: d\r\n"), same);
    }
    for (const char* other : {"http://h:81/", "https://h/", "http://www.h/"}) {
        BOOST_TEST(sent_to(other).ends_with("Connection: close\r\nX: d\r\n\r\n"), other);
    }
}

BOOST_AUTO_TEST_CASE(a_field_that_would_change_the_message_is_refused_before_anything_is_sent)
{
    const auto refused = [](std::vector<http::field> fields) {
        scenario run;
        http::client_options options;
        options.fields = std::move(fields);
        std::string words;
        const auto ask = [](http::client_options o, std::string& w) -> awaitable<void> {
            try {
                co_await http::head("http://127.0.0.1:1/", std::move(o));
            } catch (const http::field_error& e) {
                w = e.what();
            }
        };
        run.start(ask(std::move(options), words));
        return words;
    };
    for (const char* name : {"Host", "host", "User-Agent", "Connection", "Content-Length", "Transfer-Encoding",
                             "Expect", "TE", "Trailer", "Upgrade", "Keep-Alive", "Proxy-Connection"})
        BOOST_TEST(has(refused({{"X", "1"}, {name, "1"}}), name), name);
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"", "1"}, {"A B", "1"}, {"A:", "1"}, {"A", "1\r\nB: 2"}, {"A", "1\n"}, {"A", std::string{"\0", 1}}})
        BOOST_TEST(refused({{name, value}}) != "", name);
}

// ---- Bodies, whole and cut

namespace {

struct body_case {
    const char* name;
    const char* response;
    const char* status;
    const char* body;
};
std::ostream& operator<<(std::ostream& out, const body_case& c)
{
    return out << c.name;
}

const std::vector<body_case> whole_bodies{
    {"by its length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200", "hello"},
    {"by its length, and more behind it", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 500 X\r\n\r\n",
     "200", "hello"},
    {"of no byte", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200", ""},
    {"in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: v\r\n\r\n",
     "200", "hello"},
    {"up to the end", "HTTP/1.1 200 OK\r\n\r\nhello", "200", "hello"},
    {"up to the end, of HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", "200", "hello"},
    {"up to the end at once", "HTTP/1.1 200 OK\r\n\r\n", "200", ""},
    {"of an error", "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello", "404", "hello"},
    {"none of 204", "HTTP/1.1 204 No Content\r\n\r\nhello", "204", ""},
    {"none of 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", "304", ""},
    {"after 100 and 103",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
     "200", "hello"},
    {"of a redirection without a Location", "HTTP/1.1 302 Found\r\nContent-Length: 5\r\n\r\nhello", "302", "hello"},
};

const std::vector<body_case> cut_bodies{
    {"no response", "", "unexpected_end", "without a response"},
    {"inside the head", "HTTP/1.1 200 OK\r\nContent-", "unexpected_end", "after 25 bytes of the response's head"},
    {"after an interim response", "HTTP/1.1 100 Continue\r\n\r\n", "unexpected_end", "without a response"},
    {"before the body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "unexpected_end", "after 0 of 5 bytes"},
    {"before the last byte", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "unexpected_end",
     "after 4 of 5 bytes"},
    {"inside a chunk's head", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3", "unexpected_end",
     "after 0 bytes"},
    {"inside a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nh", "unexpected_end",
     "after 1 byte of"},
    {"between chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", "unexpected_end",
     "after 3 bytes"},
    {"after the last chunk's size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n0\r\n",
     "unexpected_end", "after 3 bytes"},
    {"inside a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: v\r\n", "unexpected_end",
     "after 0 bytes"},
};

const std::vector<body_case> malformed{
    {"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "invalid_response", "protocol"},
    {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "invalid_response",
     "protocol"},
    {"length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "invalid_response", "protocol"},
    {"a chunk's size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nhel\r\n0\r\n\r\n",
     "invalid_response", "body"},
    {"an unasked upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
     "invalid_response", "101"},
    {"two locations", "HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
     "redirect_refused", "two Locations, \"/a\" and \"/b\""},
    {"TLS on a plain port", "\x15\x03\x01\x00\x02\x02\x46", "invalid_response", "ask for https://"},
};

} // namespace

BOOST_DATA_TEST_CASE(a_whole_body_goes_to_the_consumer, boost::unit_test::data::make(whole_bodies), c)
{
    for (const std::size_t chunk : {0u, 1u, 7u}) {
        asked one{asking("http://h/"), chunk};
        BOOST_TEST(one.answered(c.response) == c.status);
        BOOST_TEST(one.body == c.body);
        BOOST_TEST(one.answer->received == one.body.size());
        BOOST_TEST(one.begun == std::vector<std::string>{c.status}, boost::test_tools::per_element());
    }
}

BOOST_DATA_TEST_CASE(a_cut_response_is_an_error_that_says_where, boost::unit_test::data::make(cut_bodies), c)
{
    for (const std::size_t chunk : {0u, 1u}) {
        asked one{asking("http://h/"), chunk};
        const std::string how = one.answered(c.response);
        BOOST_TEST(how.starts_with(c.status), how);
        BOOST_TEST(has(how, c.body), how);
        BOOST_TEST(has(how, "http://h/: "), how);
        BOOST_TEST(one.server.is_gone());
    }
}

BOOST_DATA_TEST_CASE(a_response_that_breaks_http_is_refused, boost::unit_test::data::make(malformed), c)
{
    for (const std::size_t chunk : {0u, 1u}) {
        asked one{asking("http://h/"), chunk};
        const std::string how = one.answered(c.response);
        BOOST_TEST(how.starts_with(c.status), how);
        BOOST_TEST(has(how, c.body), how);
        BOOST_TEST(one.begun.size() == (std::string_view{c.body} == "body" ? 1u : 0u));
    }
}

BOOST_AUTO_TEST_CASE(a_body_up_to_the_end_is_cut_by_a_reset)
{
    asked one;
    const auto t = one.begin();
    one.server.send("HTTP/1.1 200 OK\r\n\r\nhello");
    BOOST_TEST(one.how(t) == "suspended");
    one.server.reset();
    BOOST_TEST(has(one.how(t), "body: ECONNRESET"), one.how(t));
    BOOST_TEST(has(one.how(t), "after 5 bytes of the body"), one.how(t));
}

BOOST_AUTO_TEST_CASE(a_response_to_head_has_no_body_and_keeps_its_length)
{
    asked one{asking("http://h/", {}, http::method::head)};
    const auto t = one.begin();
    one.server.send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
    BOOST_TEST(one.how(t) == "200"); // without waiting for the end
    BOOST_TEST(one.body == "");
    BOOST_TEST(one.answer->find("content-length").value() == "5000");
    BOOST_TEST(one.answer->received == 0u);
}

BOOST_AUTO_TEST_CASE(a_whole_response_completes_without_the_end_of_the_connection)
{
    for (const char* response : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
        asked one;
        const auto t = one.begin();
        one.server.send(response);
        BOOST_TEST(one.how(t) == "200");
        BOOST_TEST(one.body == "hello");
    }
}

BOOST_AUTO_TEST_CASE(a_result_has_the_head_that_came)
{
    asked one{asking("http://h/page#part")};
    one.answered("HTTP/1.0 206 Some Of It\r\nServer: x\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n");
    const http::result& r = one.answer.value();
    BOOST_TEST(r.url == "http://h/page");
    BOOST_TEST((r.status == http::status::partial_content));
    BOOST_TEST(r.reason == "Some Of It");
    BOOST_TEST(r.minor_version == 0u);
    BOOST_TEST(r.fields.size() == 4u);
    BOOST_TEST((r.fields[2] == http::field{"set-cookie", "b"}));
    BOOST_TEST(r.find("SET-COOKIE").value() == "a");
    BOOST_TEST(!r.find("Date"));
    BOOST_TEST(!r.tls);
}

BOOST_AUTO_TEST_CASE(a_redirection_leads_on_without_its_body)
{
    asked one{asking("http://h/a")};
    BOOST_TEST(one.answered("HTTP/1.1 301 Moved\r\nLocation: b\r\nContent-Length: 5000\r\n\r\n") == "redirected");
    BOOST_TEST(one.fetched.way.current().to_string() == "http://h/b");
    BOOST_TEST(one.begun.empty());
    BOOST_TEST(one.server.is_gone());
}

BOOST_AUTO_TEST_CASE(a_loop_of_redirections_is_an_error_of_that_phase)
{
    asked one{asking("http://h/a")};
    const std::string how = one.answered("HTTP/1.1 301 Moved\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n");
    BOOST_TEST(how == "redirect_loop | http://h/a: redirect: redirect_loop: http://h/a -> http://h/a");
}

// ---- Limits

BOOST_AUTO_TEST_CASE(sixteen_interim_responses_are_passed_over_and_the_seventeenth_is_refused)
{
    std::string interim;
    for (int i = 0; i < 16; ++i)
        interim += "HTTP/1.1 102 Processing\r\n\r\n";
    const std::string final = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    asked at;
    BOOST_TEST(at.answered(interim + final) == "200");
    asked past;
    BOOST_TEST(has(past.answered(interim + "HTTP/1.1 102 Processing\r\n\r\n" + final), "at most 16 interim"));
}

BOOST_AUTO_TEST_CASE(a_head_of_16_KiB_is_taken_and_one_byte_more_refused)
{
    const auto of_size = [](std::size_t size) {
        const std::string begin = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: ";
        return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\nok";
    };
    asked at;
    BOOST_TEST(at.answered(of_size(16 * 1024)) == "200");
    asked past;
    BOOST_TEST(has(past.answered(of_size(16 * 1024 + 1)), "protocol: invalid_response"));
}

BOOST_AUTO_TEST_CASE(a_body_at_its_limit_is_taken_and_one_byte_more_is_an_error)
{
    for (const char* at : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
                           "HTTP/1.1 200 OK\r\n\r\nhello"}) {
        asked one{asking("http://h/", {.max_body = 5})};
        BOOST_TEST(one.answered(at) == "200");
        asked past{asking("http://h/", {.max_body = 4})};
        const std::string how = past.answered(at);
        BOOST_TEST(has(how, "http://h/: body: "), how);
        BOOST_TEST(past.body.size() <= 4u);
    }
}

// ---- Deadlines

BOOST_AUTO_TEST_CASE(the_head_has_one_deadline_whatever_arrives)
{
    asked one{asking("http://h/", {.response_timeout = 30s})};
    const auto t = one.begin();
    one.run.steps(15s, 1s);
    one.server.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200");
    one.run.steps(14s, 1s);
    BOOST_TEST(one.how(t) == "suspended");
    one.server.send(" O");
    one.run.steps(1s, 100ms);
    BOOST_TEST(one.how(t) == "response_timeout | http://h/: protocol: response_timeout after 30 s");
    BOOST_TEST(one.server.is_gone());
}

BOOST_AUTO_TEST_CASE(a_body_may_take_as_long_as_it_likes_if_only_its_bytes_come)
{
    asked one{asking("http://h/", {.response_timeout = 1s, .body_timeout = 10s})};
    const auto t = one.begin();
    one.server.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
    for (int i = 0; i < 5; ++i) {
        one.run.steps(9900ms, 100ms);
        BOOST_TEST(one.how(t) == "suspended");
        one.server.send("x");
    }
    one.run.steps(9900ms, 100ms);
    BOOST_TEST(one.how(t) == "suspended");
    one.run.steps(100ms, 100ms);
    BOOST_TEST(one.how(t) ==
               "body_timeout | http://h/: body: body_timeout: no byte for 10 s after 5 of 6 bytes of the body");
}

BOOST_AUTO_TEST_CASE(without_deadlines_a_response_is_awaited_for_ever)
{
    asked one{asking("http://h/", {.response_timeout = never, .body_timeout = never})};
    const auto t = one.begin();
    one.run.steps(1000h, 100h);
    one.server.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
    one.run.steps(1000h, 100h);
    BOOST_TEST(one.how(t) == "suspended");
    one.server.send("x");
    BOOST_TEST(one.how(t) == "200");
}

// ---- Consumers, cancellation, options

BOOST_AUTO_TEST_CASE(what_a_consumer_throws_is_thrown_on_and_the_server_is_reset)
{
    asked one;
    one.fetched.to = http::body_consumer{
        [](bytes_view) { throw system_error{make_error_code(boost::system::errc::no_space_on_device)}; }};
    const auto t = one.begin();
    one.server.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    BOOST_TEST(t.outcome() == "ENOSPC");
    BOOST_TEST(one.server.was_reset());
}

BOOST_AUTO_TEST_CASE(nothing_is_read_while_an_awaitable_consumer_takes_a_piece)
{
    asked one;
    std::string body;
    one.fetched.to = http::body_consumer{[&body](bytes_view piece) -> awaitable<void> {
        co_await boost::asio::post(co_await boost::asio::this_coro::executor, boost::asio::use_awaitable);
        body += piece; // the view is still good
    }};
    BOOST_TEST(one.answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n") ==
               "200");
    BOOST_TEST(body == "hello");
}

BOOST_AUTO_TEST_CASE(without_a_consumer_the_body_is_dropped_and_counted)
{
    asked one;
    one.fetched.to = {};
    BOOST_TEST(one.answered("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello") == "200");
    BOOST_TEST(one.answer->received == 5u);
}

BOOST_AUTO_TEST_CASE(cancelling_ends_it_with_operation_aborted_in_head_and_body)
{
    for (const char* sent : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"}) {
        asked one;
        auto t = one.begin();
        one.server.send_later(sent);
        one.run.poll();
        t.cancel();
        BOOST_TEST(t.outcome() == "ECANCELED", sent);
        BOOST_TEST(one.server.is_gone());
    }
}

BOOST_AUTO_TEST_CASE(options_that_cannot_be_used_are_refused_by_name)
{
    const auto words = [](http::client_options o) {
        scenario run;
        const auto ask = [](http::client_options given) -> awaitable<void> {
            co_await http::get("http://127.0.0.1:1/", std::move(given));
        };
        return run.start(ask(std::move(o))).what();
    };
    BOOST_TEST(
        has(words({.connect_timeout = 0s}), "client_options.connect_timeout: expected a time above zero, got 0 ns"));
    BOOST_TEST(has(words({.handshake_timeout = -1ns}),
                   "client_options.handshake_timeout: expected a time above zero, got -1 ns"));
    BOOST_TEST(has(words({.response_timeout = 0s}), "client_options.response_timeout"));
    BOOST_TEST(has(words({.body_timeout = 0s}), "client_options.body_timeout"));
    BOOST_TEST(has(words({.user_agent = "a\r\nb"}), "User-Agent"));
    BOOST_TEST(has(words({.tls = {.alpn = {"h2"}}}), "client_options.tls.alpn"));
}

BOOST_AUTO_TEST_CASE(a_status_of_400_or_more_is_unsuccessful_and_any_other_is_not)
{
    http::result r;
    r.url = "http://h/";
    for (const int code : {200, 204, 302, 304, 399}) {
        r.status = http::status{static_cast<std::uint16_t>(code)};
        BOOST_CHECK_NO_THROW(http::require_success(r));
    }
    r.status = http::status{400};
    BOOST_TEST(thrown_by([&] { http::require_success(r); }) == "unsuccessful: http://h/: status: 400 Bad Request");
    r.status = http::status{599};
    r.reason = "No Such Luck";
    BOOST_TEST(thrown_by([&] { http::require_success(r); }) == "unsuccessful: http://h/: status: 599 No Such Luck");
}

// ---- Over loopback

namespace {

awaitable<void> answer_by_path(connection& peer)
{
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
        const auto piece = co_await peer.read_some();
        if (!piece)
            co_return;
        head += *piece;
    }
    if (head.starts_with("GET /end "))
        co_await peer.write("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\narrived");
    else
        co_await peer.write("HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n");
}

} // namespace

BOOST_AUTO_TEST_CASE(redirections_are_followed_over_sockets_and_each_connection_is_told)
{
    runtime loops{{.loops = 1}};
    server answering{loops};
    answering.listen("tcp://127.0.0.1:0", answer_by_path);
    const std::uint16_t port = answering.endpoints().front().port();
    const std::string origin = "http://127.0.0.1:" + std::to_string(port);
    http::client_options options;
    options.source = "127.0.0.1";
    int connections = 0;
    options.connected = [&](const connection& c) { connections += c.peer_endpoint().port() == port; };
    std::string body;
    const http::body_consumer to{[&](bytes_view piece) { body += piece; }};
    const http::result r = run(loops, http::get(origin + "/start", options, to));
    BOOST_TEST(r.url == origin + "/end");
    BOOST_TEST(r.redirects == 1u);
    BOOST_TEST(body == "arrived");
    BOOST_TEST(connections == 2);
    answering.drain();
}

BOOST_AUTO_TEST_CASE(a_refused_connection_is_an_error_of_that_phase)
{
    runtime loops{{.loops = 1}};
    boost::asio::io_context context;
    // Bound, so that nobody else gets the port, and not listening.
    const boost::asio::ip::tcp::socket nobody{context, {boost::asio::ip::address_v4::loopback(), 0}};
    const std::uint16_t port = nobody.local_endpoint().port();
    try {
        run(loops, http::head("http://127.0.0.1:" + std::to_string(port) + "/"));
        BOOST_ERROR("nothing was thrown");
    } catch (const http::client_error& e) {
        BOOST_TEST((e.phase() == http::phase::connect));
        BOOST_TEST((e.code() == boost::system::errc::connection_refused));
        BOOST_TEST(has(e.what(), "/: connect: ECONNREFUSED (Connection refused)"), e.what());
        BOOST_TEST(has(e.what(), e.url()));
    }
}

// ---- Calls

BOOST_AUTO_TEST_CASE(options_may_be_left_out)
{
    scenario run;
    BOOST_TEST(run.start(get_without_options("gopher://example.org/")).outcome() == "invalid_url");
    BOOST_TEST(run.start(head_without_options("gopher://example.org/")).outcome() == "invalid_url");
}
