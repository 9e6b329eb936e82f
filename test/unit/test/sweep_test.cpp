// SPDX-License-Identifier: BSL-1.0

// Hawser's own scenarios, with each operation failing and each suspension cancelled. Each asserts at least the steps
// that it is known to take: fewer mean that something is no longer reached.
#include <hawser/test/sweep.hpp>

#include <hawser/http/server.hpp>
#include <hawser/message/session.hpp>

#include "temporary_folder.hpp"
#include "test_certificate.hpp"

#define BOOST_TEST_MODULE sweep
#include <boost/test/unit_test.hpp>

#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;

namespace {

world* connecting = nullptr; // the world whose sockets are to fail too

bool fails(const char* call)
{
    return connecting != nullptr && connecting->step(call);
}

template <class Function>
Function* real(const char* name)
{
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

} // namespace

// In the place of the C library's.
extern "C" int socket(int domain, int type, int protocol) noexcept
{
    static const auto original = real<int(int, int, int)>("socket");
    if (!fails("socket"))
        return original(domain, type, protocol);
    errno = EMFILE;
    return -1;
}

extern "C" int connect(int fd, const sockaddr* to, socklen_t size)
{
    static const auto original = real<int(int, const sockaddr*, socklen_t)>("connect");
    if (!fails("connect"))
        return original(fd, to, size);
    errno = ECONNREFUSED;
    return -1;
}

namespace {

awaitable<void> echo(connection& peer)
{
    while (const auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

using client_function = awaitable<void> (*)(world&);

// A client that comes to its end, and so does its session.
void completes(world& run, client_function client)
{
    const auto done = run.start(client(run));
    run.steps(3s, 250ms);
    if (run.disturbed())
        return;
    BOOST_TEST(done.outcome() == "done");
    BOOST_TEST(run.last_end() == "completed");
}

void sweep(const std::string& name, const scenario_function& scenario, std::size_t steps, std::size_t suspensions,
           const sweep_options& options = {})
{
    BOOST_TEST(fail_each_step(name, scenario, options) >= steps);
    BOOST_TEST(cancel_each_suspension(name, scenario, options) >= suspensions);
}

void sweep(const std::string& name, client_function client, std::size_t steps, std::size_t suspensions,
           const sweep_options& options = {})
{
    sweep(
        name, [client](world& run) { completes(run, client); }, steps, suspensions, options);
}

awaitable<void> expect(connection& c, std::string text)
{
    const auto frame = co_await c.read_frame();
    if (!frame || *frame != text)
        throw std::runtime_error{"expected a frame of " + std::to_string(text.size()) + " bytes, got " +
                                 (frame ? "one of " + std::to_string(frame->size()) : "the end")};
}

// ---- Connect

awaitable<void> connect_and_close(endpoint where)
{
    connection c = co_await hawser::connect(where);
    co_await c.write_frame("x");
    co_await expect(c, "x");
    co_await c.close();
}

void connects(world& run)
{
    const temporary_folder folder;
    const endpoint where{"unix:" + folder.path("s")};
    struct in_force {
        world& run;
        explicit in_force(world& w) : run{w} { connecting = &w; }
        in_force(const in_force&) = delete;
        in_force& operator=(const in_force&) = delete;
        ~in_force()
        {
            connecting = nullptr;
            run.server().drain();
            run.poll();
        }
    };
    const in_force sockets_fail{run};
    run.server().listen(where, echo);
    const auto done = run.start(connect_and_close(where));
    run.steps(3s, 250ms);
    if (!run.disturbed())
        BOOST_TEST(done.outcome() == "done");
}

BOOST_AUTO_TEST_CASE(a_connect)
{
    sweep("connect", connects, 3, 16);
}

// ---- echo

awaitable<void> echoing(world& run)
{
    connection c = co_await run.dial(echo);
    for (const char* text : {"one", "two", "three"}) {
        co_await c.write_frame(text);
        co_await expect(c, text);
    }
    co_await c.close();
}

BOOST_AUTO_TEST_CASE(an_echo)
{
    sweep("echo", echoing, 19, 15);
}

// ---- A large frame

awaitable<void> a_large_frame_there_and_back(world& run)
{
    const std::string large(200'000, 'x');
    connection c = co_await run.dial(echo);
    co_await c.write_frame(large);
    co_await expect(c, large);
    co_await c.close();
}

BOOST_AUTO_TEST_CASE(a_large_frame)
{
    sweep("large frame", a_large_frame_there_and_back, 65, 35);
}

// ---- Back-pressure

const limits little_output{.output_high_water = 2000, .output_low_water = 500};

awaitable<void> fill(connection& c)
{
    const std::string text(900, 'x');
    for (int i = 0; i < 10; ++i)
        co_await c.write_frame(text);
    co_await c.half_close();
}

awaitable<void> more_than_there_is_room_for(world& run)
{
    run.inbound = run.outbound = {.capacity = 1000};
    const listen_options how;
    const connect_options with{.limits = little_output};
    connection c = co_await run.dial(echo, how, with);
    co_await fill(c);
    const std::string text(900, 'x');
    for (int i = 0; i < 10; ++i)
        co_await expect(c, text);
    co_await c.close();
}

BOOST_AUTO_TEST_CASE(back_pressure)
{
    const server_options server{.limits = {.output_high_water = 20'000, .output_low_water = 500}};
    sweep("back-pressure", more_than_there_is_room_for, 72, 50, {.server = server});
}

// ---- Drain

awaitable<void> drained(world& run)
{
    connection c = co_await run.dial(echo);
    co_await c.write_frame("before");
    co_await expect(c, "before");
    run.server().drain();
    const auto end = co_await c.read_frame();
    if (end)
        throw std::runtime_error{"expected the end, got a frame"};
    co_await c.close();
}

BOOST_AUTO_TEST_CASE(a_drain)
{
    sweep(
        "drain",
        [](world& run) {
            completes(run, drained);
            run.server().drain();
            run.steps(31s, 500ms);
            BOOST_TEST_REQUIRE(run.server().report().has_value());
            if (!run.disturbed())
                BOOST_TEST(run.server().report()->drained == 1u);
        },
        13, 13);
}

// ---- Half-close

awaitable<void> half_closing(world& run)
{
    connection c = co_await run.dial(echo);
    co_await c.write_frame("last");
    co_await c.half_close();
    co_await expect(c, "last");
    const auto end = co_await c.read_frame();
    if (end)
        throw std::runtime_error{"expected the end, got a frame"};
}

BOOST_AUTO_TEST_CASE(a_half_close)
{
    sweep("half-close", half_closing, 9, 6);
}

// ---- TLS

awaitable<void> shake_hands(world& run)
{
    static const test_authority root{"root"};
    static const tls_pair pair = root.issue();
    const listen_options how{
        .tls = tls_server{.certificate_chain = pair.certificate_chain, .private_key = pair.private_key}};
    const connect_options with{.tls = {.ca = root.certificate()}};
    run.inbound = run.outbound = {.chunk = 100};
    connection c = co_await run.dial(echo, how, with);
    co_await c.close();
}

BOOST_AUTO_TEST_CASE(a_tls_handshake)
{
    sweep("TLS handshake", shake_hands, 19, 35); // the signatures' lengths differ
}

// ---- HTTP

awaitable<void> answer_path(http::request& q, http::response& r)
{
    co_await r.send(q.path());
}

awaitable<void> ask(world& run, std::string requests, std::string last_word)
{
    connection c = co_await run.dial(http::serve(answer_path));
    co_await c.write(requests);
    std::string answers;
    while (const auto piece = co_await c.read_some())
        answers += *piece;
    if (!answers.ends_with(last_word))
        throw std::runtime_error{"unexpected answers: " + answers};
}

const std::string first = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

awaitable<void> one_request(world& run)
{
    return ask(run, last, "/last");
}

awaitable<void> three_requests_at_once(world& run)
{
    return ask(run, first + first + last, "/last");
}

BOOST_AUTO_TEST_CASE(a_request_over_http)
{
    sweep("HTTP request", one_request, 11, 4);
}

BOOST_AUTO_TEST_CASE(pipelining)
{
    sweep("pipelining", three_requests_at_once, 11, 4);
}

// ---- Messages

awaitable<void> repeat(connection& peer, const messages::message& request)
{
    const std::string text = request.text();
    const messages::message reply{.content = text};
    co_await messages::write_message(peer, reply);
}

awaitable<void> exchange(world& run)
{
    connection c = co_await run.dial(messages::serve(repeat));
    for (const char* text : {"one", "two"}) {
        const messages::message request{.content = text};
        co_await messages::write_message(c, request);
        const auto reply = co_await messages::read_message(c);
        if (!reply || reply->text() != text)
            throw std::runtime_error{"unexpected reply"};
    }
    co_await c.close();
}

BOOST_AUTO_TEST_CASE(an_exchange_of_messages)
{
    sweep("message exchange", exchange, 15, 12);
}

} // namespace
