// SPDX-License-Identifier: BSL-1.0

// The HTTP server over connections in memory: what is answered, in which order, to whom the connection is kept, and
// what is refused. Every answer is compared whole, but for its date.
#include <hawser/http/server.hpp>

#include "http_served.hpp"

#define BOOST_TEST_MODULE http_server
#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <utility>

using namespace hawser;
using namespace hawser::test;

// ---- Answers

BOOST_AUTO_TEST_CASE(a_request_is_answered_and_the_connection_kept)
{
    served run{say_hello};
    BOOST_TEST(run.ask(get) == hello);
    BOOST_TEST(run.ask(get) == hello);
    BOOST_TEST(!run.client.has_ended());
}

BOOST_AUTO_TEST_CASE(a_request_split_at_any_byte_gets_the_same_answer)
{
    const std::string text = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345" + get;
    const std::string expected = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\n\r\n12345"
                                 "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 0\r\n\r\n";
    for (std::size_t at = 1; at < text.size(); ++at) {
        served run{echo_body};
        run.client.send(text.substr(0, at));
        run.client.send(text.substr(at));
        BOOST_TEST_CONTEXT("split at " << at)
        BOOST_TEST(run.told() == expected);
    }
    served run{echo_body};
    for (const char c : text)
        run.client.send({&c, 1});
    BOOST_TEST(run.told() == expected);
}

BOOST_AUTO_TEST_CASE(pipelined_requests_are_answered_in_order_with_one_write)
{
    served run{echo_path};
    std::string text;
    std::string expected;
    for (int i = 10; i < 42; ++i) {
        text += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
        expected += "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\n\r\n/" + std::to_string(i);
    }
    BOOST_TEST(run.ask(text) == expected);
    BOOST_TEST(run.client.writes() == 1u);
}

BOOST_AUTO_TEST_CASE(each_connection_hears_whether_it_is_kept)
{
    const std::string kept = "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello";
    const struct {
        const char* name;
        std::string request;
        std::string response;
        bool ends;
    } cases[] = {
        {"1.1", get, hello, false},
        {"1.1 that closes", get_last, hello_last, true},
        {"1.1 that closes, among others", "GET / HTTP/1.1\r\nHost: a\r\nConnection: te, Close\r\n\r\n", hello_last,
         true},
        {"1.0", "GET / HTTP/1.0\r\n\r\n", hello_last, true},
        {"1.0 kept", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", kept, false},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(each.name)
        {
            served run{say_hello};
            BOOST_TEST(run.ask(each.request) == each.response);
            BOOST_TEST(run.client.has_ended() == each.ends);
        }
    }
}

BOOST_AUTO_TEST_CASE(nothing_behind_the_last_request_is_looked_at)
{
    served run{say_hello};
    BOOST_TEST(run.ask(get_last + get) == hello_last);
    BOOST_TEST(run.client.has_ended());
}

BOOST_AUTO_TEST_CASE(a_handler_may_end_the_connection)
{
    served run{[](request&, response& r) {
        r.close();
        return r.send("hello");
    }};
    BOOST_TEST(run.ask(get + get) == hello_last);
    BOOST_TEST(run.client.has_ended());
}

BOOST_AUTO_TEST_CASE(fields_are_set_replaced_and_added)
{
    served run{[](request&, response& r) {
        r.set("A", "1");
        r.add("Set-Cookie", "x");
        r.add("set-cookie", "y");
        r.set("B", "2");
        r.set("a", "3");
        r.status(status::created);
        return r.send();
    }};
    const std::string expected = "HTTP/1.1 201 Created\r\nDate: D\r\nSet-Cookie: x\r\nset-cookie: y\r\nB: 2\r\na: 3\r\n"
                                 "Content-Length: 0\r\n\r\n";
    BOOST_TEST(run.ask(get) == expected);
    BOOST_TEST(run.ask(get) == expected);
}

BOOST_AUTO_TEST_CASE(what_could_split_a_response_is_refused_and_nothing_of_it_is_sent)
{
    const std::pair<std::string, std::string> fields[] = {
        {"A", "b\r\nInjected: 1"},
        {"A\r\nInjected", "1"},
        {"A", std::string{"b\0c", 3}},
        {"A", "b\n"},
        {"", "b"},
        {"A b", "c"},
        {"A:", "b"},
        {"Content-Length", "5"},
        {"Date", "now"},
        {"Transfer-Encoding", "gzip"},
        {"connection", "close"},
        {"A", "\x1b[0m"},
    };
    for (const auto& [name, value] : fields) {
        bool refused = false;
        served run{[&, &name = name, &value = value](request&, response& r) {
            r.set("Kept", "1");
            try {
                r.set(name, value);
            } catch (const http::field_error&) {
                refused = true;
            }
            return r.send("hello");
        }};
        BOOST_TEST_CONTEXT(name << ": " << value)
        {
            BOOST_TEST(run.ask(get) == "HTTP/1.1 200 OK\r\nDate: D\r\nKept: 1\r\nContent-Length: 5\r\n\r\nhello");
            BOOST_TEST(refused);
        }
    }
}

BOOST_AUTO_TEST_CASE(only_a_final_status_can_be_set)
{
    for (const int code : {0, 100, 101, 199, 600, 1000}) {
        served run{[code](request&, response& r) {
            r.status(static_cast<status>(code));
            return r.send("hello");
        }};
        BOOST_TEST(run.ask(get) == failed);
    }
    for (const int code : {200, 599}) {
        served run{[code](request&, response& r) {
            r.status(static_cast<status>(code));
            return r.send("hello");
        }};
        BOOST_TEST(run.ask(get).starts_with("HTTP/1.1 " + std::to_string(code)));
    }
}

BOOST_AUTO_TEST_CASE(answers_that_have_no_body_have_none)
{
    const std::string head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    served run{say_hello};
    BOOST_TEST(run.ask(head + get) == "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\n\r\n" + hello);

    served streamed{stream_body};
    BOOST_TEST(streamed.ask("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc") ==
               "HTTP/1.1 200 OK\r\nDate: D\r\n\r\n");

    for (const auto code : {status::no_content, status::not_modified}) {
        served none{[code](request&, response& r) {
            r.status(code);
            return r.send();
        }};
        const std::string line = code == status::no_content ? "204 No Content" : "304 Not Modified";
        BOOST_TEST(none.ask(get) == "HTTP/1.1 " + line + "\r\nDate: D\r\n\r\n");
        served with{[code](request&, response& r) -> awaitable<void> {
            r.status(code);
            co_await r.write("hello");
        }};
        BOOST_TEST(with.ask(get + get) ==
                   "HTTP/1.1 " + line + "\r\nDate: D\r\n\r\nHTTP/1.1 " + line + "\r\nDate: D\r\n\r\n");
    }
}

BOOST_AUTO_TEST_CASE(a_body_larger_than_the_high_water_mark_arrives_whole)
{
    const std::string large(1'000'000, 'x');
    served run{[&](request&, response& r) { return r.send(large); }};
    run.client.capacity(10'000);
    run.client.send(get);
    std::string got;
    while (true) {
        const std::string piece = run.client.received();
        if (piece.empty())
            break;
        got += piece;
        run.poll();
    }
    BOOST_TEST((undated(got) == "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 1000000\r\n\r\n" + large));
}

// ---- Streamed responses

BOOST_AUTO_TEST_CASE(a_response_in_pieces_is_chunked)
{
    const std::string large(5000, 'x');
    served run{[&](request&, response& r) -> awaitable<void> {
        co_await r.write("one");
        co_await r.write("");
        co_await r.write(large);
    }};
    BOOST_TEST(run.ask(get) == "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3\r\none\r\n1388\r\n" +
                                   large + "\r\n0\r\n\r\n");
    BOOST_TEST(run.ask(get_last).ends_with("\r\n0\r\n\r\n"));
    BOOST_TEST(run.client.has_ended());
}

BOOST_AUTO_TEST_CASE(a_response_in_pieces_to_http_1_0_ends_with_the_connection)
{
    served run{[](request&, response& r) -> awaitable<void> {
        co_await r.write("one");
        co_await r.write("two");
    }};
    BOOST_TEST(run.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") ==
               "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\n\r\nonetwo");
    BOOST_TEST(run.client.has_ended());
}

BOOST_AUTO_TEST_CASE(pieces_of_an_announced_length_are_not_chunked)
{
    served run{[](request&, response& r) -> awaitable<void> {
        r.content_length(6);
        co_await r.write("one");
        co_await r.write("two");
    }};
    BOOST_TEST(run.ask(get + get_last) ==
               "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 6\r\n\r\nonetwo"
               "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\nContent-Length: 6\r\n\r\nonetwo");
}

BOOST_AUTO_TEST_CASE(less_than_the_announced_length_resets_the_connection)
{
    served run{[](request&, response& r) -> awaitable<void> {
        r.content_length(6);
        co_await r.write("one");
    }};
    run.client.send(get);
    BOOST_TEST(run.client.received().ends_with("\r\n\r\none"));
    run.steps(10ms, 5ms);
    BOOST_TEST(run.client.was_reset());
    BOOST_TEST(run.last_end() == "threw: HTTP response: 3 of 6 bytes written");
}

BOOST_AUTO_TEST_CASE(a_body_sent_whole_of_another_length_than_announced_is_refused_and_nothing_of_it_sent)
{
    for (const std::string body : {"", "12345", "1234567"}) {
        int refused = 0;
        served run{[&](request& q, response& r) -> awaitable<void> {
            if (q.path() == "/") {
                r.status(status::not_found);
                r.content_length(6);
                try {
                    co_await r.send(body);
                } catch (const std::length_error&) {
                    ++refused;
                    BOOST_TEST(!r.sent());
                    throw;
                }
            }
            co_await r.send("hello");
        }};
        BOOST_TEST_CONTEXT(body)
        {
            BOOST_TEST(run.ask(get + get) == failed);
            BOOST_TEST(refused == 1);
        }
    }
    served run{[](request&, response& r) {
        r.content_length(5);
        return r.send("hello");
    }};
    BOOST_TEST(run.ask(get) == hello);
}

BOOST_AUTO_TEST_CASE(an_answer_without_a_body_may_announce_any_length)
{
    const auto announce = [](status code, std::string body, bool whole) {
        return [=](request&, response& r) -> awaitable<void> {
            r.status(code);
            r.content_length(40);
            if (whole)
                co_await r.send(body);
            else
                co_await r.write(body);
        };
    };
    const struct {
        std::string request;
        status code;
        std::string head;
    } cases[] = {
        {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", status::ok, "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 40\r\n\r\n"},
        {get, status::no_content, "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n"},
        {get, status{205}, "HTTP/1.1 205 Reset Content\r\nDate: D\r\nContent-Length: 0\r\n\r\n"},
        {get, status::not_modified, "HTTP/1.1 304 Not Modified\r\nDate: D\r\nContent-Length: 40\r\n\r\n"},
    };
    for (const auto& each : cases)
        for (const std::size_t size : {0u, 5u, 50u})
            for (const bool whole : {true, false})
                BOOST_TEST_CONTEXT(each.head << size << whole)
                {
                    served run{announce(each.code, std::string(size, 'x'), whole)};
                    BOOST_TEST(run.ask(each.request + each.request) == each.head + each.head);
                    BOOST_TEST(!run.client.has_ended());
                }
}

BOOST_AUTO_TEST_CASE(a_status_that_has_no_body_announces_none_of_its_own_accord)
{
    const std::pair<status, std::string> cases[] = {
        {status::no_content, "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n"},
        {status{205}, "HTTP/1.1 205 Reset Content\r\nDate: D\r\nContent-Length: 0\r\n\r\n"},
        {status::not_modified, "HTTP/1.1 304 Not Modified\r\nDate: D\r\n\r\n"},
    };
    for (const auto& [code, head] : cases)
        for (const char* body : {"", "words"})
            for (const bool whole : {true, false}) {
                served run{[&, &code = code](request&, response& r) {
                    r.status(code);
                    return whole ? r.send(body) : r.write(body);
                }};
                BOOST_TEST(run.ask(get + get) == head + head);
                BOOST_TEST(!run.client.has_ended());
            }
}

BOOST_AUTO_TEST_CASE(more_than_the_announced_length_is_not_sent)
{
    bool refused = false;
    served run{[&](request&, response& r) -> awaitable<void> {
        r.content_length(6);
        co_await r.write("onetwo");
        try {
            co_await r.write("3");
        } catch (const std::length_error&) {
            refused = true;
        }
    }};
    BOOST_TEST(run.ask(get) == "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 6\r\n\r\nonetwo");
    BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(a_response_is_sent_once)
{
    int refused = 0;
    const auto expect_refusal = [&](auto f) {
        try {
            f();
        } catch (const std::logic_error&) {
            ++refused;
        }
    };
    served run{[&](request&, response& r) -> awaitable<void> {
        BOOST_TEST(!r.sent());
        co_await r.send("hello");
        BOOST_TEST(r.sent());
        expect_refusal([&] { r.set("A", "b"); });
        expect_refusal([&] { r.status(status::ok); });
        expect_refusal([&] { r.content_length(1); });
        expect_refusal([&] { r.close(); });
        try {
            co_await r.send("again");
        } catch (const std::logic_error&) {
            ++refused;
        }
        try {
            co_await r.write("more");
        } catch (const std::logic_error&) {
            ++refused;
        }
    }};
    BOOST_TEST(run.ask(get) == hello);
    BOOST_TEST(refused == 6);
}

// ---- Refusals

BOOST_AUTO_TEST_CASE(a_refused_request_is_answered_and_nothing_behind_it_interpreted)
{
    const struct {
        const char* name;
        std::string text;
        const char* answer;
    } cases[] = {
        {"no Host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
        {"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
         "400 Bad Request"},
        {"length and chunked",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "400 Bad Request"},
        {"a coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501 Not Implemented"},
        {"a method", "FROB / HTTP/1.1\r\nHost: a\r\n\r\n", "501 Not Implemented"},
        {"a version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported"},
        {"a long target", "GET /" + std::string(8192, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", "414 URI Too Long"},
        {"a long field", "GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(17'000, 'x') + "\r\n\r\n",
         "431 Request Header Fields Too Large"},
    };
    for (const auto& each : cases) {
        served run{say_hello};
        const std::string got = run.ask(get + each.text + get);
        BOOST_TEST_CONTEXT(each.name)
        {
            BOOST_TEST(got.starts_with(hello + "HTTP/1.1 " + each.answer +
                                       "\r\nDate: D\r\nContent-Type: text/plain\r\nConnection: close\r\n"));
            BOOST_TEST(got.find("hello", hello.size()) == got.npos);
            BOOST_TEST(run.client.has_ended());
            run.client.end();
            BOOST_TEST(run.last_end() == "failed: request_refused");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_refusal_of_head_has_no_body)
{
    served run{say_hello};
    BOOST_TEST(run.ask("HEAD / HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
    BOOST_TEST(run.client.has_ended());
}

BOOST_AUTO_TEST_CASE(a_target_may_have_its_limit_and_not_one_byte_more)
{
    served run{echo_path, {.head = {.target = 10}}};
    BOOST_TEST(run.ask("GET /123456789 HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("\r\n\r\n/123456789"));
    BOOST_TEST(run.ask("GET /1234567890 HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 414 "));
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused_with_their_name)
{
    const auto words = [](const http::serve_options& o) {
        try {
            http::serve(say_hello, o);
        } catch (const std::invalid_argument& e) {
            return std::string{e.what()};
        }
        return std::string{};
    };
    BOOST_TEST(words({}) == "");
    BOOST_TEST(words({.head_timeout = 0s}) == "serve_options::head_timeout: expected more than 0, got 0.000000 s");
    BOOST_TEST(words({.body_timeout = 0s}) == "serve_options::body_timeout: expected more than 0, got 0.000000 s");
    BOOST_TEST(words({.body_rate = 0}) == "serve_options::body_rate: expected 1 or more, got 0");
    BOOST_TEST(words({.head = {.head = 63}}) != "");
    BOOST_CHECK_THROW(http::serve(nullptr), std::invalid_argument);
}
