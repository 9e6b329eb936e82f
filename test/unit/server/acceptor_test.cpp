// SPDX-License-Identifier: BSL-1.0

// Acceptors and clients over real sockets: each stage, each error, each deadline.
#define BOOST_TEST_MODULE sockets
#include <hawser/acceptor.hpp>
#include <hawser/connect.hpp>
#include <hawser/datagram.hpp>
#include <hawser/runtime.hpp>
#include <hawser/server.hpp>

#include "server/server_core.hpp"
#include "temporary_folder.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace hawser;

// A port of 127.0.0.1 that is bound and does not listen: connecting to it is refused.
class silent_port
{
public:
    silent_port() : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        BOOST_REQUIRE_EQUAL(::bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
        socklen_t size = sizeof at;
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ::ntohs(at.sin_port);
    }
    silent_port(const silent_port&) = delete;
    silent_port& operator=(const silent_port&) = delete;
    ~silent_port() { ::close(fd_); }

    endpoint where() const { return endpoint::tcp("127.0.0.1", port_); }
    void listen_for_one() const { BOOST_REQUIRE_EQUAL(::listen(fd_, 0), 0); }

private:
    int fd_;
    std::uint16_t port_ = 0;
};

// The symbol of what an awaited operation throws.
template <class T>
awaitable<std::string> failure_of(awaitable<T> operation, std::string* words = nullptr)
{
    try {
        static_cast<void>(co_await std::move(operation));
    } catch (const system_error& e) {
        if (words != nullptr)
            *words = e.what();
        co_return symbol(e.code());
    }
    co_return "nothing";
}

awaitable<std::string> echo_once(acceptor& at)
{
    connection peer = co_await at.accept();
    auto frame = co_await peer.read_frame();
    const std::string text{frame.value_or("nothing")};
    co_await peer.write_frame(text);
    co_await peer.close();
    co_return text;
}

awaitable<std::string> ask(endpoint where, connect_options options)
{
    connection peer = co_await connect(std::move(where), std::move(options));
    co_await peer.write_frame("hello");
    auto answer = co_await peer.read_frame();
    const std::string text{answer.value_or("nothing")};
    co_await peer.close();
    co_return text;
}

awaitable<std::string> ask_and_answer(acceptor& at, connect_options options)
{
    using namespace boost::asio::experimental::awaitable_operators;
    auto [heard, answered] = co_await (echo_once(at) && ask(at.local_endpoint(), options));
    BOOST_TEST(heard == "hello");
    co_return answered;
}

} // namespace

BOOST_AUTO_TEST_CASE(an_acceptor_says_where_it_is_at_each_stage)
{
    runtime r{{.loops = 1}};
    acceptor at{r};
    BOOST_TEST(at.local_endpoint().to_string() == "tcp://:0");
    at.bind("tcp://127.0.0.1:0");
    const endpoint bound = at.local_endpoint();
    BOOST_TEST(bound.host() == "127.0.0.1");
    BOOST_TEST(bound.port() != 0);
    at.listen();
    BOOST_TEST((at.local_endpoint() == bound));
    BOOST_TEST(run(r, ask_and_answer(at, {})) == "hello");
}

BOOST_AUTO_TEST_CASE(an_acceptor_takes_unix_sockets_and_ipv6)
{
    const test::temporary_folder folder;
    const std::string path = folder.path("socket");
    for (const std::string& where : {"unix:" + path, std::string{"tcp://[::1]:0"}}) {
        runtime r{{.loops = 1}};
        acceptor at{r};
        at.bind(where);
        at.listen();
        BOOST_TEST_CONTEXT(where) BOOST_TEST(run(r, ask_and_answer(at, {})) == "hello");
    }
    BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(accepting_gives_up_at_its_deadline_and_can_be_called_again)
{
    runtime r{{.loops = 1}};
    acceptor at{r};
    at.bind("tcp://127.0.0.1:0");
    at.listen();
    BOOST_TEST(run(r, failure_of(at.accept(20ms))) == "accept_timeout");
    BOOST_TEST(run(r, ask_and_answer(at, {})) == "hello");
}

BOOST_AUTO_TEST_CASE(accepting_before_listening_is_a_mistake)
{
    runtime r{{.loops = 1}};
    acceptor at{r};
    at.bind("tcp://127.0.0.1:0");
    BOOST_CHECK_THROW(run(r, failure_of(at.accept())), std::logic_error);
}

BOOST_AUTO_TEST_CASE(an_address_that_cannot_be_had_is_named)
{
    const auto binding = [](const endpoint& where) {
        runtime r{{.loops = 1}};
        acceptor at{r};
        at.bind(where);
    };
    const auto says = [](const char* words) {
        return [words](const endpoint_error& e) { return std::string{e.what()}.find(words) != std::string::npos; };
    };
    const silent_port taken;
    taken.listen_for_one();
    BOOST_CHECK_EXCEPTION(binding(taken.where()), endpoint_error, says("EADDRINUSE"));
    BOOST_CHECK_EXCEPTION(binding(taken.where()), endpoint_error, says(taken.where().to_string().c_str()));
    BOOST_CHECK_EXCEPTION(binding("tcp://192.0.2.1:0"), endpoint_error, says("EADDRNOTAVAIL"));
    BOOST_CHECK_EXCEPTION(binding("unix:/proc/version"), endpoint_error, says("expected a socket"));
}

namespace {

// Whether a socket of this process has an error of which nobody has heard.
bool an_error_waits()
{
    std::array<pollfd, 256> all{};
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i].fd = static_cast<int>(i) + STDERR_FILENO + 1;
    ::poll(all.data(), all.size(), 0);
    return std::any_of(all.begin(), all.end(), [](const pollfd& one) { return (one.revents & POLLERR) != 0; });
}

} // namespace

BOOST_AUTO_TEST_CASE(a_refusal_that_is_heard_of_when_the_deadline_has_passed_is_the_error)
{
    const silent_port nobody;
    runtime r{{.loops = 1}};
    const auto keep_the_loop = []() -> awaitable<void> {
        const auto begun = std::chrono::steady_clock::now();
        while (std::chrono::steady_clock::now() - begun < 100ms) {
        } // the deadline passes meanwhile
        while (!an_error_waits() && std::chrono::steady_clock::now() - begun < 60s) {
        } // and the refusal comes
        co_return;
    };
    const auto late = [&](endpoint where) -> awaitable<std::string> {
        using namespace boost::asio::experimental::awaitable_operators;
        connect_options options{.connect_timeout = 50ms};
        co_return co_await (failure_of(connect(std::move(where), std::move(options))) && keep_the_loop());
    };
    BOOST_TEST(run(r, late(nobody.where())) == "ECONNREFUSED");
}

BOOST_AUTO_TEST_CASE(a_refused_connection_is_named_by_its_symbol)
{
    const silent_port nobody;
    runtime r{{.loops = 1}};
    std::string words;
    BOOST_TEST(run(r, failure_of(connect(nobody.where()), &words)) == "ECONNREFUSED");
    BOOST_TEST(words.find("ECONNREFUSED") != std::string::npos);
    BOOST_TEST(words.find(nobody.where().to_string()) != std::string::npos);
}

namespace {

awaitable<std::string> error_of_try(endpoint where)
{
    auto result = co_await try_connect(std::move(where));
    co_return result.has_value() ? "nothing" : symbol(result.error());
}

// Connections that a listener with a full queue never completes.
awaitable<std::string> overrun(endpoint where)
{
    std::vector<connection> held;
    for (int i = 0; i < 16; ++i) {
        connect_options options{.connect_timeout = 300ms};
        std::optional<connection> made;
        try {
            made = co_await connect(where, options);
        } catch (const system_error& e) {
            co_return symbol(e.code());
        }
        held.push_back(std::move(*made));
    }
    co_return "nothing";
}

} // namespace

BOOST_AUTO_TEST_CASE(try_connect_gives_the_error_instead)
{
    const silent_port nobody;
    runtime r{{.loops = 1}};
    BOOST_TEST(run(r, error_of_try(nobody.where())) == "ECONNREFUSED");
}

BOOST_AUTO_TEST_CASE(a_connection_that_nobody_completes_ends_at_its_deadline)
{
    const silent_port full;
    full.listen_for_one();
    runtime r{{.loops = 1}};
    BOOST_TEST(run(r, overrun(full.where())) == "connect_timeout");
}

BOOST_AUTO_TEST_CASE(a_name_is_resolved_beside_the_loop)
{
    runtime r{{.loops = 1}};
    acceptor at{r};
    at.bind("tcp://127.0.0.1:0");
    at.listen();
    const auto by_name = [](acceptor& on) -> awaitable<std::string> {
        using namespace boost::asio::experimental::awaitable_operators;
        connect_options options;
        auto [heard, answered] =
            co_await (echo_once(on) && ask(endpoint::tcp("localhost", on.local_endpoint().port()), options));
        static_cast<void>(heard);
        co_return answered;
    };
    BOOST_TEST(run(r, by_name(at)) == "hello");
}

BOOST_AUTO_TEST_CASE(a_name_that_does_not_exist_is_an_error_of_the_resolver)
{
    runtime r{{.loops = 1}};
    std::string words;
    const connect_options options{.connect_timeout = 60s}; // longer than the resolver waits for a name server
    const std::string e = run(r, failure_of(connect("tcp://no-such-host.invalid:1", options), &words));
    BOOST_TEST(e.starts_with("EAI_"), e);
    BOOST_TEST(words.find("no-such-host.invalid") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_source_address_is_the_one_asked_for)
{
    runtime r{{.loops = 1}};
    acceptor at{r};
    at.bind("tcp://127.0.0.1:0");
    at.listen();
    const auto from = [](acceptor& on) -> awaitable<std::string> {
        connect_options options{.source = "127.0.0.7"};
        connection client = co_await connect(on.local_endpoint(), options);
        connection served = co_await on.accept();
        BOOST_TEST((served.peer_endpoint() == client.local_endpoint()));
        co_return served.peer_endpoint().host();
    };
    BOOST_TEST(run(r, from(at)) == "127.0.0.7");
}

BOOST_AUTO_TEST_CASE(a_source_that_is_no_address_is_refused)
{
    const silent_port nobody;
    runtime r{{.loops = 1}};
    for (const char* source : {"nowhere", "::1"}) {
        std::string words;
        connect_options options{.source = source};
        BOOST_TEST(run(r, failure_of(connect(nobody.where(), options), &words)) == "invalid_endpoint");
        BOOST_TEST(words.find(source) != std::string::npos);
    }
}

// ---- What a server takes as a handler

namespace {

template <class Handler>
concept can_listen = requires(server s, Handler handler)
{
    s.listen("tcp://127.0.0.1:0", handler);
};

struct takes_connections {
    awaitable<void> operator()(connection& peer) const;
};
struct returns_nothing {
    void operator()(connection& peer) const;
};
struct takes_bytes {
    awaitable<void> operator()(bytes_view bytes) const;
};

static_assert(can_listen<takes_connections> && can_listen<session_handler>);
static_assert(can_listen<awaitable<void> (*)(connection&)>);
static_assert(!can_listen<datagram_handler> && !can_listen<returns_nothing> && !can_listen<takes_bytes> &&
              !can_listen<std::nullptr_t>);

} // namespace

BOOST_AUTO_TEST_CASE(a_handler_of_whatever_it_gets_may_be_one_for_connections_and_one_for_datagrams)
{
    runtime r{{.loops = 1}};
    server s{r};
    const auto either = [](auto& request) -> awaitable<void> {
        if constexpr (requires { request.sender(); })
            co_await request.send(request.payload());
        else
            co_await request.write("a connection");
    };
    s.listen("tcp://127.0.0.1:0", either);
    s.listen("tcp://127.0.0.1:0", [](auto&& request) -> awaitable<void> { co_await request.write("moved"); }, {});
    s.listen("tcp://127.0.0.1:0", either, {.backlog = 1});
    BOOST_CHECK_THROW(s.listen("udp://127.0.0.1:0", either), std::exception);
    listen_datagrams(s, "udp://127.0.0.1:0", either);
    listen_datagrams(s, "udp://127.0.0.1:0", either, {.max_answer = 0});

    std::vector<std::string> schemes;
    for (const endpoint& where : s.endpoints())
        schemes.push_back(where.to_string().substr(0, 3));
    BOOST_TEST(schemes == (std::vector<std::string>{"tcp", "tcp", "tcp", "udp", "udp"}),
               boost::test_tools::per_element());
}

// ---- The watchdog, which needs threads and a handler that keeps one

namespace {

struct blocked_observer : observer {
    std::atomic<unsigned> reports{0};
    void loop_blocked(const endpoint&, duration held) noexcept override
    {
        if (held >= 40ms)
            ++reports;
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_handler_that_keeps_its_loop_is_reported_once)
{
    const auto seen = std::make_shared<blocked_observer>();
    runtime r{{.loops = 1, .blocked_after = 40ms}};
    server s{r, {.observer = seen}};
    unsigned reports = 0;
    s.listen("tcp://127.0.0.1:0", [seen, &reports](connection& peer) -> awaitable<void> {
        auto first = co_await peer.read_frame();
        static_cast<void>(first);
        const auto begun = std::chrono::steady_clock::now();
        while (seen->reports == 0 && std::chrono::steady_clock::now() < begun + 60s) {
        } // keeps its loop until that is noticed, and then as long again
        const auto noticed = std::chrono::steady_clock::now();
        while (std::chrono::steady_clock::now() - noticed < noticed - begun) {
        }
        reports = seen->reports;
        co_await peer.write_frame("noticed");
    });
    runtime clients{{.loops = 1}};
    r.start();
    connect_options options;
    BOOST_TEST(run(clients, ask(s.endpoints().front(), options)) == "noticed");
    s.drain();
    BOOST_TEST(s.wait().clean());
    BOOST_TEST(reports == 1U);
}

// Its observer lets the handler go on while it is told, so that the session ends meanwhile, and then waits for as long
// as that takes.
BOOST_AUTO_TEST_CASE(a_session_whose_handler_is_being_reported_is_not_destroyed_before_that_has_ended)
{
    struct slow_observer : observer {
        server* of = nullptr;
        std::promise<void> go_on;
        std::promise<void> ended;
        std::promise<bool> outlived;
        void session_ended(const session_end&) noexcept override { ended.set_value(); }
        void loop_blocked(const endpoint&, duration) noexcept override
        {
            go_on.set_value();
            ended.get_future().wait();
            const auto until = std::chrono::steady_clock::now() + 200ms;
            bool there = true; // the session's permit is given back when it is destroyed
            while (there && std::chrono::steady_clock::now() < until)
                there = detail::server_access::get(*of).admission().taken() != 0;
            outlived.set_value(there);
        }
    };
    const auto seen = std::make_shared<slow_observer>();
    runtime r{{.loops = 1, .blocked_after = 40ms}};
    server s{r, {.observer = seen}};
    seen->of = &s;
    s.listen("tcp://127.0.0.1:0", [seen](connection& peer) -> awaitable<void> {
        auto first = co_await peer.read_frame();
        static_cast<void>(first);
        seen->go_on.get_future().wait();
        co_await peer.close();
    });
    runtime clients{{.loops = 1}};
    r.start();
    connect_options options;
    BOOST_TEST(run(clients, ask(s.endpoints().front(), options)) == "nothing");
    BOOST_TEST(seen->outlived.get_future().get());
    s.drain();
    BOOST_TEST(s.wait().clean());
}

BOOST_AUTO_TEST_CASE(the_handler_of_a_datagram_that_keeps_its_loop_is_named_by_its_sender)
{
    struct named : observer {
        std::promise<std::string> who;
        void loop_blocked(const endpoint& peer, duration) noexcept override { who.set_value(peer.to_string()); }
    };
    const auto seen = std::make_shared<named>();
    runtime r{{.loops = 1, .blocked_after = 40ms}};
    server s{r, {.timeouts = {.drain = 20ms}, .observer = seen}};
    std::promise<void> go_on;
    listen_datagrams(s, "udp://127.0.0.1:0", [&go_on](datagram_request& request) -> awaitable<void> {
        go_on.get_future().wait();
        co_await request.send("gone on");
    });
    r.start();

    runtime clients{{.loops = 1}};
    datagram_socket client{clients};
    run(clients, client.connect(s.endpoints().front()));
    run(clients, client.send(""));
    const std::string who = client.local_endpoint().to_string();
    auto told = seen->who.get_future();
    BOOST_TEST((told.wait_for(60s) == std::future_status::ready ? told.get() : "nobody") == who);
    s.drain();
    const drain_report report = s.wait();
    BOOST_REQUIRE_EQUAL(report.cut.size(), 1U);
    BOOST_TEST(report.cut.front().peer.to_string() == who);
    BOOST_TEST((report.cut.front().age >= 40ms));
    BOOST_TEST(report.cut.front().blocks_loop);

    go_on.set_value();
    std::array<char, 16> room{};
    BOOST_TEST(run(clients, client.receive(room)).payload == "gone on");
}

BOOST_AUTO_TEST_CASE(the_log_leaves_out_what_repeats_and_says_how_much)
{
    std::vector<std::string> lines;
    log_observer log{[&lines](std::string_view line) { lines.emplace_back(line); }};
    session_end end;
    end.reason = end_reason::failed;
    end.error = errc::idle_timeout;
    end.what = "words\nwith \x1b a line end";
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i)
        log.session_ended(end);
    const auto took = std::chrono::steady_clock::now() - begun;
    end.reason = end_reason::completed;
    log.session_ended(end);
    BOOST_REQUIRE(!lines.empty());
    const int later = static_cast<int>(lines.size()) - 1; // one a second, of a clock that may be a tick behind
    BOOST_TEST((took + 10ms >= later * 1s));
    BOOST_TEST(lines.front().find("idle_timeout") != std::string::npos);
    BOOST_TEST(lines.front().find('\n') == std::string::npos);
    BOOST_TEST(lines.front().find('\x1b') == std::string::npos);
    BOOST_TEST(log.completed() == 1U);
}

// ---- What outlives its runtime, as it does where it is declared before it

BOOST_AUTO_TEST_CASE(a_server_may_be_destroyed_after_its_runtime)
{
    for (const bool started : {false, true}) {
        std::optional<runtime> r{std::in_place, runtime_options{.loops = 2}};
        server s{*r};
        const auto echo = [](connection& peer) -> awaitable<void> {
            while (auto frame = co_await peer.read_frame())
                co_await peer.write_frame(*frame);
        };
        const auto answer = [](datagram_request& request) -> awaitable<void> { co_await request.send("answer"); };
        s.listen("tcp://127.0.0.1:0", echo);
        s.listen("tcp://127.0.0.1:0", echo, {.reuse_port = true});
        listen_datagrams(s, "udp://127.0.0.1:0", answer);
        if (started) {
            r->start();
            runtime clients{{.loops = 1}};
            const connect_options options;
            BOOST_TEST(run(clients, ask(s.endpoints().front(), options)) == "hello");
        }
        r.reset();
        BOOST_CHECK_THROW(s.listen("tcp://127.0.0.1:0", echo), std::logic_error);
        BOOST_CHECK_THROW(listen_datagrams(s, "udp://127.0.0.1:0", answer), std::logic_error);
        BOOST_TEST(s.endpoints().size() == 3U);
        BOOST_TEST(s.statistics().connections == 0U);
        s.drain();
    }
}

BOOST_AUTO_TEST_CASE(an_acceptor_and_a_datagram_socket_may_be_destroyed_after_their_runtime)
{
    std::optional<runtime> r{std::in_place, runtime_options{.loops = 1}};
    acceptor listening{*r};
    listening.bind("tcp://127.0.0.1:0");
    listening.listen();
    datagram_socket socket{*r};
    socket.bind("udp://127.0.0.1:0");
    datagram_socket moved{*r};
    moved = std::move(socket);
    r.reset();
    runtime other{{.loops = 1}};
    std::array<char, 16> room{};
    const auto receive = [&]() -> awaitable<void> { co_await moved.receive_from(room); };
    const auto accept = [&]() -> awaitable<void> { co_await listening.accept(); };
    BOOST_TEST(run(other, failure_of(receive())) == "ECANCELED");
    BOOST_CHECK_THROW(run(other, accept()), std::logic_error);
}
