// SPDX-License-Identifier: BSL-1.0

// A connection under Beast: its HTTP, and its WebSocket, also over asio::ssl::stream.
#include <hawser/connection.hpp>

#include "scenario.hpp"
#include "ssl_contexts.hpp"

#define BOOST_TEST_MODULE beast
#include <boost/test/unit_test.hpp>

#include "turned_loop.hpp"

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using namespace hawser;
using namespace hawser::test;
using asio::use_awaitable;

namespace {

// As the connection's header declares it, without Beast.
static_assert(std::is_same_v<std::underlying_type_t<beast::role_type>, int>);

std::string text_of(const beast::flat_buffer& buffer)
{
    return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

// Sends back what it gets, until the peer closes.
template <class Next>
awaitable<std::string> echo_messages(websocket::stream<Next>& ws)
{
    co_await ws.async_accept(use_awaitable);
    try {
        for (;;) {
            beast::flat_buffer message;
            co_await ws.async_read(message, use_awaitable);
            ws.text(ws.got_text());
            co_await ws.async_write(message.data(), use_awaitable);
        }
    } catch (const system_error& e) {
        co_return e.code() == websocket::error::closed ? "closed" : e.code().message();
    }
}

template <class Next>
awaitable<std::vector<std::string>> ask_messages(websocket::stream<Next>& ws, std::vector<std::string> messages)
{
    co_await ws.async_handshake("localhost", "/", use_awaitable);
    std::vector<std::string> answers;
    for (const std::string& message : messages) {
        co_await ws.async_write(asio::buffer(message), use_awaitable);
        beast::flat_buffer answer;
        co_await ws.async_read(answer, use_awaitable);
        answers.push_back(text_of(answer));
    }
    co_await ws.async_close(websocket::close_code::normal, use_awaitable);
    co_return answers;
}

const std::vector<std::string> messages{"hello", "", std::string(200'000, 'm')};

} // namespace

BOOST_AUTO_TEST_CASE(beasts_http_messages_travel_over_it_both_ways)
{
    scenario run;
    auto [client, server] = run.connect_pair();
    const auto serve = [](connection& c) -> awaitable<std::string> {
        beast::flat_buffer buffer;
        http::request<http::string_body> request;
        co_await http::async_read(c, buffer, request, use_awaitable);
        http::response<http::string_body> response{http::status::ok, 11};
        response.set(http::field::server, "hawser");
        response.body() = std::string(100'000, 'r');
        response.prepare_payload();
        co_await http::async_write(c, response, use_awaitable);
        co_return std::string{request.target()} + ' ' + request.body();
    };
    const auto ask = [](connection& c) -> awaitable<http::response<http::string_body>> {
        http::request<http::string_body> request{http::verb::post, "/path", 11};
        request.body() = "the question";
        request.prepare_payload();
        co_await http::async_write(c, request, use_awaitable);
        beast::flat_buffer buffer;
        http::response<http::string_body> response;
        co_await http::async_read(c, buffer, response, use_awaitable);
        co_return response;
    };
    const auto served = run.start(serve(server));
    const auto answered = run.start(ask(client));
    BOOST_TEST_REQUIRE(served.outcome() == "done");
    BOOST_TEST(served.value() == "/path the question");
    BOOST_TEST_REQUIRE(answered.outcome() == "done");
    BOOST_TEST(answered.value()[http::field::server] == "hawser");
    BOOST_TEST((answered.value().body() == std::string(100'000, 'r')));
}

BOOST_AUTO_TEST_CASE(beasts_websocket_accepts_shakes_hands_talks_and_closes_over_it)
{
    scenario run;
    auto [a, b] = run.connect_pair();
    websocket::stream<connection> client{std::move(a)};
    websocket::stream<connection&> server{b};
    const auto served = run.start(echo_messages(server));
    const auto asked = run.start(ask_messages(client, messages));
    BOOST_TEST_REQUIRE(asked.outcome() == "done");
    BOOST_TEST((asked.value() == messages));
    BOOST_TEST_REQUIRE(served.outcome() == "done");
    BOOST_TEST(served.value() == "closed");
    BOOST_TEST((b.state() == connection_state::closed));
    BOOST_TEST((client.next_layer().state() == connection_state::closed));
}

BOOST_AUTO_TEST_CASE(beasts_websocket_closes_a_socket_as_it_closes_memory)
{
    turned_loop run;
    auto [c, peer, number] = run.open_tcp();
    websocket::stream<connection&> server{c};
    std::optional<std::string> end;
    asio::co_spawn(run.on().executor(), echo_messages(server),
                   [&end](std::exception_ptr, std::string how) { end = std::move(how); });
    send(peer, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    send(peer, {"\x88\x82\0\0\0\0\x03\xe8", 8}); // close, 1000
    run.catch_up();
    BOOST_TEST(!end);
    ::shutdown(peer.get(), SHUT_WR);
    run.turn_until([&] { return end.has_value(); });
    BOOST_TEST(*end == "closed");
    BOOST_TEST((c.state() == connection_state::closed));
}

BOOST_AUTO_TEST_CASE(beast_closes_the_lowest_layer_when_its_time_has_passed)
{
    scenario run;
    auto [c, p] = run.connect();
    websocket::stream<connection&> ws{c};
    const auto accepted = run.start(
        [](websocket::stream<connection&>& s) -> awaitable<void> { co_await s.async_accept(use_awaitable); }(ws));
    BOOST_TEST(!accepted.done());
    beast::close_socket(beast::get_lowest_layer(ws));
    run.poll();
    BOOST_TEST(accepted.outcome() == "connection_closed");
    BOOST_TEST(p.was_reset());
}

BOOST_AUTO_TEST_CASE(beasts_websocket_over_asios_ssl_stream_closes_all_the_way_down)
{
    scenario run;
    auto [a, b] = run.connect_pair();
    asio::ssl::context trusting = client_context();
    asio::ssl::context showing = server_context();
    websocket::stream<asio::ssl::stream<connection&>> client{a, trusting};
    websocket::stream<asio::ssl::stream<connection&>> server{b, showing};
    const auto serve = [](websocket::stream<asio::ssl::stream<connection&>>& ws) -> awaitable<std::string> {
        co_await ws.next_layer().async_handshake(asio::ssl::stream_base::server, use_awaitable);
        const std::string how = co_await echo_messages(ws);
        co_return how;
    };
    const auto ask = [](websocket::stream<asio::ssl::stream<connection&>>& ws) -> awaitable<std::vector<std::string>> {
        co_await ws.next_layer().async_handshake(asio::ssl::stream_base::client, use_awaitable);
        auto answers = co_await ask_messages(ws, messages);
        co_return answers;
    };
    const auto served = run.start(serve(server));
    const auto asked = run.start(ask(client));
    BOOST_TEST_REQUIRE(asked.outcome() == "done");
    BOOST_TEST((asked.value() == messages));
    BOOST_TEST_REQUIRE(served.outcome() == "done");
    BOOST_TEST(served.value() == "closed");
    BOOST_TEST((a.state() == connection_state::closed));
    BOOST_TEST((b.state() == connection_state::closed));
}
