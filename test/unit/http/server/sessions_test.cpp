// SPDX-License-Identifier: BSL-1.0

// A session of HTTP from its first request to its end: bodies, handlers that fail, deadlines, drain and back-pressure.
#include <hawser/http/server.hpp>

#include "http_served.hpp"

#define BOOST_TEST_MODULE http_sessions
#include <boost/test/unit_test.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;

// ---- Bodies

BOOST_AUTO_TEST_CASE(a_body_is_read_whole_or_in_pieces_and_the_next_request_found_behind_it)
{
    const std::string chunked = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "2;x=y\r\nab\r\n1\r\nc\r\n0\r\nTrailer: x\r\n\r\n";
    for (const std::string& text : {post("abc"), chunked}) {
        served all{echo_body};
        BOOST_TEST(all.ask(text + get) == "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\n\r\nabc"
                                          "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 0\r\n\r\n");
    }
    served pieces{stream_body};
    BOOST_TEST(pieces.ask(post("abc") + chunked) ==
               "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
               "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(views_of_the_head_stay_while_the_body_is_read)
{
    const std::string body(300'000, 'b');
    std::string seen;
    served run{[&](request& q, response& r) -> awaitable<void> {
        const auto path = q.path();
        const auto agent = q.find("user-agent").value_or("");
        std::size_t size = 0;
        while (const auto piece = co_await q.read_some())
            size += piece->size();
        seen += std::string{path} + ' ' + std::string{agent} + ' ' + std::to_string(size) + ' ' + std::string{q.path()};
        co_await r.send("hello");
    }};
    BOOST_TEST(run.ask(post(body, "User-Agent: me\r\n") + get) == hello + hello);
    BOOST_TEST(seen == "/a me 300000 /a/  0 /");
}

BOOST_AUTO_TEST_CASE(a_body_may_have_its_limit_and_not_one_byte_more)
{
    const std::string chunked = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const bool arrives_at_once : {true, false}) {
        for (const bool over : {false, true}) {
            const std::string body = over ? "12345" : "1234";
            std::string in_a_chunk = chunked;
            in_a_chunk += over ? "5\r\n" : "4\r\n";
            in_a_chunk += body;
            in_a_chunk += "\r\n0\r\n\r\n";
            for (const std::string& text : {post(body), in_a_chunk}) {
                served run{echo_body, {.max_body = 4}};
                if (!arrives_at_once)
                    run.client.chunks(text.find("\r\n\r\n") + 5);
                const std::string got = run.ask(text);
                if (over)
                    BOOST_TEST(got.starts_with("HTTP/1.1 413 Content Too Large\r\n"));
                else
                    BOOST_TEST(got == "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 4\r\n\r\n1234");
                BOOST_TEST(run.client.has_ended() == over);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_handler_may_give_its_body_another_limit)
{
    served run{[](request& q, response& r) -> awaitable<void> {
                   q.limit_body(q.path() == "/a" ? 10 : 2);
                   const bytes_view body = co_await q.read_all();
                   co_await r.send(body);
               },
               {.max_body = 4}};
    BOOST_TEST(run.ask(post("0123456789")).ends_with("\r\n\r\n0123456789"));
    BOOST_TEST(run.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").starts_with("HTTP/1.1 413 "));
}

BOOST_AUTO_TEST_CASE(a_body_that_is_not_read_is_dropped_up_to_64_KiB_and_never_taken_for_a_request)
{
    const std::string inside = get + get;
    for (const char* method : {"GET", "HEAD", "POST"}) {
        const std::string start = std::string{method} + " / HTTP/1.1\r\nHost: a\r\n";
        const std::string first =
            method == std::string_view{"HEAD"} ? "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 5\r\n\r\n" : hello;
        served run{say_hello};
        BOOST_TEST(run.ask(start + "Content-Length: " + std::to_string(inside.size()) + "\r\n\r\n" + inside) == first);
        BOOST_TEST(run.ask(start + "Transfer-Encoding: chunked\r\n\r\n36\r\n" + inside + "\r\n0\r\n\r\n") == first);
        BOOST_TEST(run.ask(start + "Content-Length: 65536\r\n\r\n") == first);
        BOOST_TEST(run.ask(std::string(65535, 'x')) == "");
        BOOST_TEST(run.ask("x" + get) == hello);
        const std::string last = std::string{hello_last}.substr(
            0, method == std::string_view{"HEAD"} ? hello_last.size() - 5 : hello_last.size());
        BOOST_TEST(run.ask(start + "Content-Length: 65537\r\n\r\n") == last);
        BOOST_TEST(run.client.has_ended());
    }
    served run{say_hello};
    BOOST_TEST(run.ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n") == hello);
    BOOST_TEST(run.ask(std::string(65537, 'x') + "\r\n0\r\n\r\n" + get) == "");
    BOOST_TEST(run.client.has_ended());
}

BOOST_AUTO_TEST_CASE(a_body_that_is_read_in_part_is_dropped_too)
{
    served run{[](request& q, response& r) -> awaitable<void> {
        const auto piece = co_await q.read_some();
        co_await r.send(piece.value_or("none"));
    }};
    BOOST_TEST(run.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc").ends_with("\r\n\r\nabc"));
    BOOST_TEST(run.ask("defghi" + get).ends_with("\r\n\r\nnone"));
}

BOOST_AUTO_TEST_CASE(continue_is_said_when_the_handler_reads_and_the_client_waits)
{
    const std::string expecting = post("abc", "Expect: 100-continue\r\n");
    const std::string head = expecting.substr(0, expecting.size() - 3);
    {
        served run{echo_body};
        BOOST_TEST(run.ask(head) == "HTTP/1.1 100 Continue\r\n\r\n");
        BOOST_TEST(run.ask("abc" + get_last)
                       .starts_with("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1"));
    }
    { // it did not wait
        served run{echo_body};
        BOOST_TEST(run.ask(expecting) == "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 3\r\n\r\nabc");
    }
    { // it is not read: what follows may be the body or a request
        served run{say_hello};
        BOOST_TEST(run.ask(head) == hello_last);
        BOOST_TEST(run.client.has_ended());
    }
    { // it is refused before it is sent
        served run{echo_body, {.max_body = 2}};
        BOOST_TEST(run.ask(head).starts_with("HTTP/1.1 413 "));
        BOOST_TEST(run.client.has_ended());
    }
    { // the body never comes
        served run{echo_body};
        BOOST_TEST(run.ask(head) == "HTTP/1.1 100 Continue\r\n\r\n");
        run.steps(5s - 1ns, 100ms);
        BOOST_TEST(!run.client.is_gone());
        run.steps(1s, 100ms);
        BOOST_TEST(run.client.has_ended());
        run.client.end();
        BOOST_TEST(run.last_end() == "failed: frame_timeout");
    }
}

BOOST_AUTO_TEST_CASE(an_unknown_expectation_fails)
{
    served run{say_hello};
    BOOST_TEST(run.ask("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\n\r\n" + get)
                   .starts_with("HTTP/1.1 417 Expectation Failed\r\n"));
    BOOST_TEST(run.client.has_ended());
}

BOOST_AUTO_TEST_CASE(a_body_that_is_not_framed_as_it_says_is_refused_with_400)
{
    served run{echo_body};
    BOOST_TEST(run.ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n" + get)
                   .starts_with("HTTP/1.1 400 Bad Request\r\n"));
    BOOST_TEST(run.client.has_ended());
}

BOOST_AUTO_TEST_CASE(a_stream_that_ends_inside_a_request_is_an_error)
{
    for (const std::string& text : {std::string{"GET / HT"}, post("abc").substr(0, post("abc").size() - 1)}) {
        served run{echo_body};
        run.client.send(text);
        run.client.end();
        BOOST_TEST(run.last_end() == "failed: unexpected_end");
    }
    served run{echo_body};
    run.client.send(get);
    run.client.end();
    BOOST_TEST(run.last_end() == "completed");
}

// ---- Handlers that fail

BOOST_AUTO_TEST_CASE(a_handler_that_throws_is_answered_for_with_500_and_told)
{
    const struct {
        const char* name;
        http::handler handler;
        const char* end;
    } cases[] = {
        {"std",
         [](request&, response&) -> awaitable<void> {
             throw std::runtime_error{"oh"};
             co_return;
         },
         "threw: oh"},
        {"bad_alloc",
         [](request&, response&) -> awaitable<void> {
             throw std::bad_alloc{};
             co_return;
         },
         "threw: std::bad_alloc"},
        {"another",
         [](request&, response&) -> awaitable<void> {
             throw 5;
             co_return;
         },
         "threw: something that is not a std::exception"},
        {"no coroutine", [](request&, response&) -> awaitable<void> { throw std::runtime_error{"oh"}; }, "threw: oh"},
        {"returns without a response", [](request&, response&) -> awaitable<void> { co_return; },
         "threw: an HTTP handler returned without a response"},
        {"after it set fields",
         [](request&, response& r) -> awaitable<void> {
             r.status(status::created);
             r.set("A", "b");
             r.content_length(7);
             throw std::runtime_error{"oh"};
             co_return;
         },
         "threw: oh"},
    };
    for (const auto& each : cases) {
        served run{each.handler};
        BOOST_TEST_CONTEXT(each.name)
        {
            BOOST_TEST(run.ask(get + get) == failed);
            BOOST_TEST(run.client.has_ended());
            run.client.end();
            BOOST_TEST(run.last_end() == each.end);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_after_a_part_of_its_response_resets_the_connection)
{
    served run{[](request&, response& r) -> awaitable<void> {
        co_await r.write("a part");
        throw std::runtime_error{"oh"};
    }};
    run.client.send(get);
    BOOST_TEST(run.client.received().ends_with("\r\n6\r\na part\r\n"));
    run.steps(10ms, 5ms);
    BOOST_TEST(run.client.was_reset());
    BOOST_TEST(run.last_end() == "threw: oh");
}

BOOST_AUTO_TEST_CASE(what_was_answered_before_a_handler_throws_arrives_whole)
{
    served run{[n = 0](request&, response& r) mutable -> awaitable<void> {
        if (++n == 1)
            return r.send("whole");
        return [](response& torn) -> awaitable<void> {
            co_await torn.write("a");
            throw std::runtime_error{"oh"};
        }(r);
    }};
    run.client.send(get + get);
    const std::string got = run.client.received();
    BOOST_TEST(got.starts_with("HTTP/1.1 200 OK\r\n"));
    BOOST_TEST(got.find("Content-Length: 5\r\n\r\nwhole") != std::string::npos);
    BOOST_TEST(got.ends_with("\r\n1\r\na\r\n"));
    BOOST_TEST(!run.client.was_reset());
    run.steps(10ms, 5ms);
    BOOST_TEST(run.client.was_reset());
    BOOST_TEST(run.last_end() == "threw: oh");
}

BOOST_AUTO_TEST_CASE(a_handler_may_throw_the_status_to_answer_with)
{
    served run{[](request& q, response& r) -> awaitable<void> {
        r.set("A", "b");
        if (q.path() == "/busy")
            throw http::status_error{status::service_unavailable, "later"};
        co_await r.send("hello");
    }};
    BOOST_TEST(
        run.ask("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n") ==
        "HTTP/1.1 503 Service Unavailable\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nlater\n");
    BOOST_TEST(run.ask(get) == "HTTP/1.1 200 OK\r\nDate: D\r\nA: b\r\nContent-Length: 5\r\n\r\nhello");
}

BOOST_AUTO_TEST_CASE(only_an_error_can_be_thrown_as_a_status)
{
    for (const int code : {0, 100, 200, 205, 304, 399, 600, 1000}) {
        served run{[code](request&, response&) -> awaitable<void> {
            throw http::status_error{static_cast<status>(code), "words"};
            co_return;
        }};
        BOOST_TEST_CONTEXT(code)
        {
            BOOST_TEST(run.ask(get + get) == failed);
            run.client.end();
            BOOST_TEST(run.last_end() == "threw: status_error: expected 400 to 599, got " + std::to_string(code));
        }
    }
    for (const int code : {400, 599}) {
        const http::status_error e{static_cast<status>(code), "words"};
        BOOST_TEST(static_cast<int>(e.code()) == code);
    }
}

BOOST_AUTO_TEST_CASE(a_handler_may_be_a_plain_function_that_returns_what_it_would_await)
{
    served run{[](request& q, response& r) {
        if (q.path() == "/none")
            throw http::status_error{status::not_found, "no"};
        return r.send("hello");
    }};
    BOOST_TEST(run.ask("GET /none HTTP/1.1\r\nHost: a\r\n\r\n" + get) ==
               "HTTP/1.1 404 Not Found\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nno\n" +
                   hello);
}

// ---- Time

BOOST_AUTO_TEST_CASE(a_head_has_ten_seconds_in_all_however_its_bytes_come)
{
    served run{say_hello};
    run.steps(30s, 1s); // idle before it
    for (int i = 0; i < 9; ++i) {
        run.client.send(i == 0 ? "G" : i == 1 ? "ET / HTTP/1.1\r\nHost: " : "a");
        run.steps(1s, 100ms);
    }
    run.steps(1s - 1ns, 100ms);
    BOOST_TEST(run.told() == "");
    run.steps(600ms, 100ms);
    BOOST_TEST(run.told() == refused_with("408 Request Timeout", "the header did not arrive in time"));
    run.client.end();
    BOOST_TEST(run.last_end() == "failed: frame_timeout");
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_and_not_reset)
{
    served run{say_hello};
    BOOST_TEST(run.ask(get) == hello);
    run.steps(75s - 1ns, 500ms);
    BOOST_TEST(!run.client.is_gone());
    run.steps(4s, 500ms);
    BOOST_TEST(run.client.is_gone());
    BOOST_TEST(!run.client.was_reset());
    BOOST_TEST(run.last_end() == "failed: idle_timeout");
}

BOOST_AUTO_TEST_CASE(a_body_comes_with_240_bytes_a_second_after_five_or_is_cut)
{
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    for (const std::size_t rate : {250u, 230u}) {
        served run{echo_body};
        run.client.send(head);
        for (int i = 0; i < 300 && !run.client.is_gone(); ++i) {
            run.client.send(std::string(rate, 'x'));
            run.steps(1s, 250ms);
        }
        BOOST_TEST(run.client.is_gone() == (rate < 240));
        if (rate < 240)
            BOOST_TEST(run.last_end() == "failed: frame_timeout");
    }
}

// ---- A body that the handler did not read

namespace {

const std::string large(200'000, 'x');

awaitable<void> send_large(request&, response& r)
{
    co_await r.send(large);
}

// Reads 33,000 bytes a second.
std::string read_slowly(served& run)
{
    std::string got;
    for (int i = 0; i < 100 && !run.client.has_ended(); ++i) {
        got += run.client.received(33'000);
        run.steps(1s, 100ms);
    }
    for (std::string rest = run.client.received(); !rest.empty(); rest = run.client.received())
        got += rest;
    return undated(got);
}

} // namespace

BOOST_AUTO_TEST_CASE(an_unread_body_that_does_not_come_costs_the_client_nothing_of_its_response)
{
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    const std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const struct {
        const char* name;
        std::string text;
        bool end;
    } cases[] = {
        {"nothing", head, false},
        {"a part", head + "123", false},
        {"nothing, and the end", head, true},
        {"a part, and the end", head + "123", true},
        {"nothing of a chunked one", chunked, false},
        {"a part of a chunk", chunked + "5\r\n123", false},
        {"a part of a chunked one, and the end", chunked + "5\r\n123", true},
        {"one that is not framed as it says", chunked + "x\r\n", false},
    };
    for (const auto& each : cases)
        BOOST_TEST_CONTEXT(each.name)
        {
            served run{send_large};
            run.client.capacity(33'000);
            run.client.send(each.text);
            if (each.end)
                run.client.end();
            const std::string whole = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 200000\r\n\r\n" + large;
            BOOST_TEST((read_slowly(run) == whole));
            run.steps(5s, 100ms);
            BOOST_TEST(run.client.is_gone());
            BOOST_TEST(!run.client.was_reset());
            BOOST_TEST(run.last_end() == "completed");
        }
}

BOOST_AUTO_TEST_CASE(an_unread_body_is_waited_for_as_long_as_one_that_is_read)
{
    for (const std::size_t rate : {250u, 200u}) {
        served run{say_hello};
        run.client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n");
        BOOST_TEST(run.told() == hello);
        for (int i = 0; i < 10'000 / static_cast<int>(rate) && !run.client.has_ended(); ++i) {
            run.client.send(std::string(rate, 'x'));
            run.steps(1s, 250ms);
        }
        BOOST_TEST(run.client.has_ended() == (rate < 240));
        BOOST_TEST(!run.client.was_reset());
        if (rate > 240)
            BOOST_TEST(run.ask(get) == hello);
    }
}

// ---- Drain

BOOST_AUTO_TEST_CASE(at_drain_what_has_arrived_is_answered_and_the_last_answer_says_so)
{
    served run{[](request& q, response& r) -> awaitable<void> {
        co_await q.read_all();
        co_await r.send("hello");
    }};
    const std::string whole = post("abc");
    run.client.send(get + whole.substr(0, whole.size() - 3));
    run.server().drain();
    run.poll();
    BOOST_TEST(run.ask("abc" + get + get) == hello + hello + hello + hello_last);
    BOOST_TEST(run.client.has_ended());
    run.client.end();
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(at_drain_an_idle_connection_ends)
{
    served run{say_hello};
    BOOST_TEST(run.ask(get) == hello);
    run.server().drain();
    run.poll();
    BOOST_TEST(run.client.has_ended());
    BOOST_TEST(run.told() == "");
}

BOOST_AUTO_TEST_CASE(at_drain_a_request_that_has_begun_is_waited_for)
{
    served run{echo_body};
    run.client.send(get.substr(0, 5));
    run.server().drain();
    run.poll();
    BOOST_TEST(!run.client.has_ended());
    run.client.send(get.substr(5));
    BOOST_TEST(run.told() == "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    BOOST_TEST(run.client.has_ended());
}

// ---- Pressure

BOOST_AUTO_TEST_CASE(a_client_that_reads_no_answers_is_not_read_from_either)
{
    served run{say_hello};
    run.client.capacity(0);
    std::string flood;
    for (int i = 0; i < 20'000; ++i)
        flood += get;
    run.client.chunks(16 * 1024);
    run.client.send(flood);
    const std::size_t answers = 256 * 1024 / hello.size();
    BOOST_TEST(run.server().statistics().carried.bytes_in < answers * get.size() + 64 * 1024);
    std::string got;
    run.client.capacity(100'000);
    for (int i = 0; i < 100; ++i) {
        got += run.client.received();
        run.poll();
    }
    std::string expected;
    for (int i = 0; i < 20'000; ++i)
        expected += hello;
    BOOST_TEST((undated(got) == expected));
}

// ---- A read of the body that is cancelled

namespace {

const std::string above_the_mark(300'000, 'x');

awaitable<void> read_whole(request& q)
{
    co_await q.read_all();
}

// Reads the body once with a slot, which is cancelled from outside, and then to its end.
struct cancelled_reads {
    boost::asio::cancellation_signal cancel;
    bool piecewise = false;

    awaitable<void> operator()(request& q, response& r)
    {
        const auto executor = co_await boost::asio::this_coro::executor;
        const auto tuple = boost::asio::as_tuple(boost::asio::use_awaitable);
        co_await boost::asio::co_spawn(executor, read_whole(q),
                                       boost::asio::bind_cancellation_slot(cancel.slot(), tuple));
        std::string all;
        if (piecewise) {
            while (const auto piece = co_await q.read_some())
                all += *piece;
        } else {
            all = co_await q.read_all();
        }
        co_await r.send(all);
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_cancelled_read_of_the_whole_body_keeps_what_it_has_for_the_next)
{
    for (const bool piecewise : {false, true}) {
        const auto reads = std::make_shared<cancelled_reads>();
        reads->piecewise = piecewise;
        served run{[reads](request& q, response& r) { return (*reads)(q, r); }};
        run.client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\none");
        run.client.send("two");
        reads->cancel.emit(boost::asio::cancellation_type::terminal);
        run.poll();
        run.client.send("six");
        BOOST_TEST(run.client.received().ends_with("\r\n\r\nonetwosix"));
    }
}

BOOST_AUTO_TEST_CASE(a_continue_that_was_cancelled_is_said_by_the_next_read)
{
    const auto reads = std::make_shared<cancelled_reads>();
    server_scenario run{{.limits = {.output_high_water = 50, .output_low_water = 25}}};
    peer client = run.open(http::serve([reads](request& q, response& r) -> awaitable<void> {
        if (q.method() == http::method::get)
            return r.send("first"); // with its head more than the mark: what is written next waits
        return (*reads)(q, r);
    }));
    client.capacity(0);
    client.send(get + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    reads->cancel.emit(boost::asio::cancellation_type::terminal);
    run.poll();
    client.capacity(1'000'000);
    run.poll();
    BOOST_TEST(client.received().ends_with("firstHTTP/1.1 100 Continue\r\n\r\n"));
    client.send("abc");
    BOOST_TEST(client.received().ends_with("\r\n\r\nabc"));
}
