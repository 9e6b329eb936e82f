// SPDX-License-Identifier: BSL-1.0

// A connection under what is written for Asio's stream concepts: asio::ssl::stream, read_until, buffer sequences, and
// handlers of other executors. beast_test.cpp has Beast.
#include <hawser/connection.hpp>

#include "scenario.hpp"
#include "ssl_contexts.hpp"
#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE asio_concepts
#include <boost/test/unit_test.hpp>

#include "turned_loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using namespace hawser;
using namespace hawser::test;
using asio::use_awaitable;

namespace {

// Either of Beast's two, which is not needed to name it.
constexpr boost::beast::role_type any_role{};

// How a callback was called: "" while it was not, else the error's symbol, or the number of bytes.
struct outcome {
    std::string text;
    std::thread::id thread;
    auto handler()
    {
        return [this](const error_code& e, std::size_t n = 0) {
            text = e ? symbol(e) : std::to_string(n);
            thread = std::this_thread::get_id();
        };
    }
};

} // namespace

// ---- The end

BOOST_AUTO_TEST_CASE(a_teardown_waits_for_the_peers_end_and_is_cancelled_by_itself)
{
    scenario run;
    auto [c, p] = run.connect();
    asio::cancellation_signal stop;
    outcome first;
    outcome second;
    async_teardown(any_role, c, asio::bind_cancellation_slot(stop.slot(), first.handler()));
    async_teardown(any_role, c, second.handler());
    run.poll();
    BOOST_TEST(p.has_ended());
    BOOST_TEST(first.text == "");
    stop.emit(asio::cancellation_type::terminal);
    run.poll();
    BOOST_TEST(first.text == "ECANCELED");
    BOOST_TEST(second.text == "");
    p.end();
    BOOST_TEST(second.text == "0");
    outcome third;
    async_teardown(any_role, c, third.handler());
    BOOST_TEST(third.text == "");
    run.poll();
    BOOST_TEST(third.text == "0");
}

BOOST_AUTO_TEST_CASE(a_teardown_that_does_not_wait_ends_the_connection_in_the_background)
{
    scenario run;
    auto [c, p] = run.connect();
    run.start(c.write_frame("last"));
    error_code e = make_error_code(errc::shut_down);
    teardown(any_role, c, e);
    BOOST_TEST(!e);
    run.poll();
    BOOST_TEST(p.received() == frame("last"));
    BOOST_TEST(p.has_ended());
    BOOST_TEST(!p.was_reset());
}

// ---- asio::ssl::stream

BOOST_AUTO_TEST_CASE(asios_ssl_stream_serves_and_asks_over_it)
{
    scenario run;
    auto [a, b] = run.connect_pair();
    asio::ssl::context trusting = client_context();
    asio::ssl::context showing = server_context();
    asio::ssl::stream<connection> client{std::move(a), trusting};
    asio::ssl::stream<connection&> server{b, showing};
    BOOST_TEST(&server.lowest_layer() == &b);
    const auto serve = [](asio::ssl::stream<connection&>& s) -> awaitable<std::string> {
        co_await s.async_handshake(asio::ssl::stream_base::server, use_awaitable);
        std::string line;
        co_await asio::async_read_until(s, asio::dynamic_buffer(line), '\n', use_awaitable);
        co_await asio::async_write(s, asio::buffer(std::string(100'000, 's')), use_awaitable);
        co_await s.async_shutdown(use_awaitable);
        co_return line;
    };
    const auto ask = [](asio::ssl::stream<connection>& s) -> awaitable<std::string> {
        co_await s.async_handshake(asio::ssl::stream_base::client, use_awaitable);
        co_await asio::async_write(s, asio::buffer("a line\n", 7), use_awaitable);
        std::string all;
        error_code e;
        co_await asio::async_read(s, asio::dynamic_buffer(all), asio::redirect_error(use_awaitable, e));
        co_await s.async_shutdown(asio::redirect_error(use_awaitable, e));
        co_return all;
    };
    const auto served = run.start(serve(server));
    const auto asked = run.start(ask(client));
    BOOST_TEST_REQUIRE(served.outcome() == "done");
    BOOST_TEST(served.value() == "a line\n");
    BOOST_TEST_REQUIRE(asked.outcome() == "done");
    BOOST_TEST((asked.value() == std::string(100'000, 's')));
}

// ---- Reading

BOOST_AUTO_TEST_CASE(read_until_reads_lines_into_a_streambuf)
{
    scenario run;
    auto [c, p] = run.connect();
    p.chunks(3);
    asio::streambuf into;
    outcome read;
    asio::async_read_until(c, into, "\r\n", read.handler());
    p.send("a line\r\nthe next\r\n");
    BOOST_TEST(read.text == "8");
}

BOOST_AUTO_TEST_CASE(one_read_fills_as_many_buffers_as_there_are_bytes_for)
{
    scenario run;
    auto [c, p] = run.connect();
    std::string first(3, '-');
    std::string second(4, '-');
    std::string third(5, '-');
    const std::array<asio::mutable_buffer, 4> all{asio::buffer(first), asio::mutable_buffer{}, asio::buffer(second),
                                                  asio::buffer(third)};
    outcome read;
    c.async_read_some(all, read.handler());
    p.send("abcdefgh");
    BOOST_TEST(read.text == "8");
    BOOST_TEST(first + second + third == "abcdefgh----");
    c.async_read_some(all, read.handler());
    p.send("0123456789abc");
    BOOST_TEST(read.text == "12");
    BOOST_TEST(first + second + third == "0123456789ab");
    BOOST_TEST(text(run.start(c.read_exactly(1))) == "c");
}

// ---- Gathered writes

BOOST_AUTO_TEST_CASE(the_buffers_of_a_write_are_one_send_whether_they_fit_the_cork_or_not)
{
    constexpr std::size_t cork = 16 * 1024;
    const std::string head(100, 'h');
    const std::string tail(2, 't');
    for (const std::size_t body : {std::size_t{1}, cork - 102, cork - 101, std::size_t{100'000}}) {
        for (const bool before : {true, false}) { // something of its own, whose turn has come
            BOOST_TEST_CONTEXT("a body of " << body << (before ? ", behind something" : ""))
            {
                scenario run;
                auto [c, p] = run.connect();
                p.capacity(200'000);
                const std::string large(body, 'b');
                const std::array<asio::const_buffer, 4> all{asio::buffer(head), asio::const_buffer{},
                                                            asio::buffer(large), asio::buffer(tail)};
                outcome write;
                if (before)
                    c.try_write("!");
                c.async_write_some(all, write.handler());
                run.poll();
                BOOST_TEST(write.text == std::to_string(102 + body));
                BOOST_TEST(p.writes() == (before ? 2u : 1u));
                BOOST_TEST((p.received() == (before ? "!" : "") + head + large + tail));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_gathered_write_over_a_socket_is_one_system_call)
{
    turned_loop run;
    int both[2] = {-1, -1};
    BOOST_REQUIRE_EQUAL(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both),
                        0); // which keeps each send apart
    auto [c, peer, number] =
        run.open({detail::descriptor{both[0]}, detail::descriptor{both[1]}}, detail::polled_socket::family::unix_path);
    for (const std::size_t each : {100U, 10'000U}) {
        std::vector<std::string> pieces;
        for (char name = 'a'; name <= 'f'; ++name)
            pieces.emplace_back(each, name);
        std::vector<asio::const_buffer> all;
        std::string whole;
        for (const std::string& piece : pieces) {
            all.push_back(asio::buffer(piece));
            whole += piece;
        }
        outcome write;
        c.async_write_some(all, write.handler());
        run.turn_until([&] { return !write.text.empty() && c.queued() == 0; });
        BOOST_TEST(write.text == std::to_string(6 * each));
        std::string got(100'000, '\0');
        const ssize_t n = ::recv(peer.get(), got.data(), got.size(), MSG_DONTWAIT);
        BOOST_TEST_REQUIRE(n >= 0);
        got.resize(static_cast<std::size_t>(n));
        BOOST_TEST((got == whole));
    }
}

BOOST_AUTO_TEST_CASE(a_gathered_write_takes_64_buffers_and_what_the_high_water_mark_admits)
{
    scenario run;
    auto [c, p] = run.connect({.high_water = 100, .low_water = 10});
    const std::vector<asio::const_buffer> most(64, asio::buffer("x", 1));
    const std::vector<asio::const_buffer> too_many(65, asio::buffer("x", 1));
    outcome write;
    c.async_write_some(most, write.handler());
    run.poll();
    BOOST_TEST(write.text == "64");
    c.async_write_some(too_many, write.handler());
    run.poll();
    BOOST_TEST(write.text == "64");
    const std::string half(50, 'h');
    const std::string more(51, 'm');
    c.async_write_some(std::array{asio::buffer(half), asio::buffer(half)}, write.handler());
    run.poll();
    BOOST_TEST(write.text == "100");
    c.async_write_some(std::array{asio::buffer(half), asio::buffer(more)}, write.handler());
    run.poll();
    BOOST_TEST(write.text == "100");
    BOOST_TEST(p.received() == std::string(128, 'x') + half + half + half + more.substr(1));
}

BOOST_AUTO_TEST_CASE(what_the_kernel_does_not_take_of_a_gathered_write_follows_in_order)
{
    const std::string first(10'000, '1');
    const std::string second(10'000, '2');
    const std::string third(10'000, '3');
    const std::string all = first + second + third;
    for (const std::size_t taken : {0U, 1U, 9'999U, 10'000U, 10'001U, 20'000U, 29'999U}) {
        BOOST_TEST_CONTEXT(taken << " at first")
        {
            scenario run;
            auto [c, p] = run.connect();
            p.capacity(taken);
            outcome write;
            c.async_write_some(std::array{asio::buffer(first), asio::buffer(second), asio::buffer(third)},
                               write.handler());
            run.poll();
            BOOST_TEST(write.text == "30000");
            BOOST_TEST(c.queued() == 30'000 - taken);
            p.capacity(100'000);
            BOOST_TEST((p.received() == all));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_gathered_write_over_tls_arrives_whole)
{
    const std::string head(100, 'h');
    const std::string body(100'000, 'b');
    tls_scenario run{[&](connection& c) -> awaitable<void> {
                         const std::array all{asio::buffer(head), asio::buffer(body), asio::buffer(head)};
                         co_await asio::async_write(c, all, use_awaitable);
                     },
                     good()};
    tls_peer p{run, run.port(), {.ca = root().certificate()}};
    BOOST_TEST_REQUIRE(p.shake());
    BOOST_TEST((p.read_to_end() == head + body + head));
}

// ---- Handlers of other executors

BOOST_AUTO_TEST_CASE(a_handler_of_another_context_runs_there_and_until_then_is_its_work)
{
    struct {
        const char* name;
        void (*begin)(connection&, asio::io_context&, outcome&);
    } const table[] = {
        {"async_read_some",
         [](connection& c, asio::io_context& other, outcome& o) {
             static char into;
             c.async_read_some(asio::buffer(&into, 1), asio::bind_executor(other, o.handler()));
         }},
        {"async_write_some",
         [](connection& c, asio::io_context& other, outcome& o) {
             c.async_write_some(asio::buffer("x", 1), asio::bind_executor(other, o.handler()));
         }},
        {"async_teardown", [](connection& c, asio::io_context& other,
                              outcome& o) { async_teardown(any_role, c, asio::bind_executor(other, o.handler())); }},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            scenario run;
            auto [c, p] = run.connect({.high_water = 10, .low_water = 2});
            p.capacity(0);
            run.start(c.write("0123456789"));
            asio::io_context other;
            outcome o;
            t.begin(c, other, o);
            run.poll();
            BOOST_TEST(other.poll() == 0u);
            BOOST_TEST(!other.stopped());
            p.capacity(100);
            p.received();
            p.send("y");
            p.end();
            run.poll();
            BOOST_TEST(o.text == "");
            BOOST_TEST(other.poll() == 1u);
            BOOST_TEST(o.text == (std::string{t.name} == "async_teardown" ? "0" : "1"));
            BOOST_TEST(other.stopped());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_thread_that_runs_another_context_waits_for_the_handler_and_then_ends)
{
    scenario run;
    auto [c, p] = run.connect();
    asio::io_context other;
    outcome read;
    char into = 0;
    c.async_read_some(asio::buffer(&into, 1), asio::bind_executor(other, read.handler()));
    std::thread runs_it{[&other] { other.run(); }};
    const std::thread::id its_own = runs_it.get_id();
    p.send("x");
    runs_it.join();
    BOOST_TEST(read.text == "1");
    BOOST_TEST((read.thread == its_own));
    BOOST_TEST(into == 'x');
}

BOOST_AUTO_TEST_CASE(an_operation_that_never_completes_is_no_work_of_the_other_context_any_more)
{
    asio::io_context other;
    scenario run;
    char into = 0;
    {
        const auto c = std::make_shared<connection>(run.connect().first);
        const auto handler = [c](const error_code&, std::size_t) { BOOST_ERROR("called"); };
        c->async_read_some(asio::buffer(&into, 1), asio::bind_executor(other, handler));
    }
    run.poll();
    other.poll();
    BOOST_TEST(!other.stopped());
    run.end_runtime();
    other.poll();
    BOOST_TEST(other.stopped());
}
