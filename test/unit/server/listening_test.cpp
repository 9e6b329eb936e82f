// SPDX-License-Identifier: BSL-1.0

// Listeners over real sockets: refusing at the limit, a socket for each loop, holding newcomers back, inherited
// sockets.
#define BOOST_TEST_MODULE listening
#include <hawser/datagram.hpp>
#include <hawser/http/server.hpp>
#include <hawser/server.hpp>

#include "loop/runtime_core.hpp"
#include "scenario.hpp"
#include "server/server_core.hpp"
#include "sockets/listening_socket.hpp"

#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;

awaitable<void> echo(connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

// A client whose calls do not wait for the server, only for the kernel to bring it what was sent.
class client
{
public:
    explicit client(const endpoint& to) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(to.port());
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        BOOST_REQUIRE_EQUAL(::connect(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    }
    client(client&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    client& operator=(client&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~client()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    void send(bytes_view bytes) const
    {
        BOOST_REQUIRE_EQUAL(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
        for (int on_the_way = 1; on_the_way != 0;)
            BOOST_REQUIRE_EQUAL(::ioctl(fd_, SIOCOUTQ, &on_the_way), 0);
    }
    // What has come; then "(end)" or the symbol of an error, if it has come to that.
    std::string received() const
    {
        std::string all;
        char piece[4096];
        for (;;) {
            const ssize_t n = ::recv(fd_, piece, sizeof piece, MSG_DONTWAIT);
            if (n > 0)
                all.append(piece, static_cast<std::size_t>(n));
            else if (n == 0)
                return all + "(end)";
            else
                return errno == EAGAIN ? all : all + ::strerrorname_np(errno);
        }
    }

private:
    int fd_;
};

// A server on loops that run when they are told to.
struct listening_scenario {
    explicit listening_scenario(unsigned loops = 1, server_options options = {})
        : r{{.loops = loops, .blocked_after = never, .time = &time}}
    {
        options.observer = seen;
        server = std::make_unique<hawser::server>(r, std::move(options));
    }
    endpoint where() const { return server->endpoints().back(); }
    std::vector<client> connect(int count) const
    {
        std::vector<client> all;
        for (int i = 0; i < count; ++i)
            all.emplace_back(where());
        return all;
    }
    server_statistics statistics() const { return server->statistics(); }
    bool hurries() const { return detail::server_access::get(*server).shedding().is_urgent(); }
    // Lets the server run until something has happened, which the kernel may take a moment for.
    template <class Condition>
    void until(Condition happened)
    {
        const auto give_up = std::chrono::steady_clock::now() + 20s;
        do {
            BOOST_REQUIRE(std::chrono::steady_clock::now() < give_up);
            r.poll();
        } while (!happened());
    }
    // What comes to a client, until it is as long as what is expected.
    std::string received(const client& by, const std::string& expected)
    {
        std::string all;
        until([&] { return (all += by.received()).size() >= expected.size(); });
        return all;
    }

    manual_clock time;
    runtime r;
    std::shared_ptr<recorder> seen = std::make_shared<recorder>();
    std::unique_ptr<hawser::server> server;
};

constexpr const char* any_port = "tcp://127.0.0.1:0";

std::string refusal_of(listening_scenario& run, const endpoint& where, const listen_options& options)
{
    try {
        run.server->listen(where, echo, options);
    } catch (const std::exception& e) {
        return e.what();
    }
    return "taken";
}

int bound_socket(int type)
{
    const int fd = ::socket(AF_INET, type, 0); // survives exec, as what is inherited has
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE_EQUAL(::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    return fd;
}

} // namespace

BOOST_AUTO_TEST_CASE(at_the_limit_a_listener_that_refuses_resets_one_more)
{
    listening_scenario run{1, {.limits = {.connections = 2}}};
    run.server->listen(any_port, echo, {.when_full = when_full::refuse});
    std::vector<client> inside = run.connect(2);
    run.until([&] { return run.statistics().accepted == 2; });
    BOOST_TEST(run.statistics().refused == 0u);
    {
        const client one_more{run.where()};
        BOOST_TEST(run.received(one_more, "ECONNRESET") == "ECONNRESET");
    }
    BOOST_TEST(run.statistics().refused == 1u);
    BOOST_TEST(run.statistics().connections == 2u);
    BOOST_REQUIRE_EQUAL(run.seen->ends.size(), 1u);
    BOOST_TEST((run.seen->ends[0].reason == end_reason::refused));
    BOOST_TEST(symbol(run.seen->ends[0].error) == "too_many_connections");

    inside.pop_back(); // makes room
    run.until([&] { return run.statistics().connections == 1; });
    const client next{run.where()};
    next.send(frame("x"));
    BOOST_TEST(run.received(next, frame("x")) == frame("x"));
}

BOOST_AUTO_TEST_CASE(over_http_the_refusal_is_a_503)
{
    listening_scenario run{1, {.limits = {.connections = 1}}};
    run.server->listen(any_port, http::serve([](http::request&, http::response& r) { return r.send("hello"); }),
                       {.when_full = when_full::refuse});
    const client inside{run.where()};
    inside.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    BOOST_TEST(run.received(inside, "HTTP/1.1 200").starts_with("HTTP/1.1 200"));
    const client one_more{run.where()};
    one_more.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    std::string answer;
    run.until([&] { return (answer += one_more.received()).ends_with("(end)"); });
    BOOST_TEST(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    const std::size_t body = answer.find("\r\n\r\n") + 4;
    BOOST_TEST(answer.find("Content-Length: " + std::to_string(answer.size() - body - 5) + "\r\n") != answer.npos);
}

BOOST_AUTO_TEST_CASE(a_newcomer_that_waits_in_the_queue_gets_the_place_of_one_that_has_sent_nothing)
{
    for (const bool refuse : {false, true}) {
        listening_scenario run{1, {.limits = {.connections = 1}}};
        run.server->listen(any_port, echo, {.when_full = refuse ? when_full::refuse : when_full::wait});
        const client silent{run.where()};
        run.until([&] { return run.statistics().accepted == 1; });
        run.time.advance(1s);
        run.r.poll();
        BOOST_TEST(silent.received() == ""); // nobody waits
        run.time.advance(10ms);

        const client newcomer{run.where()};
        newcomer.send(frame("x"));
        BOOST_TEST(run.received(silent, "(end)") == "(end)");
        if (!refuse)
            BOOST_TEST(run.received(newcomer, frame("x")) == frame("x"));
        BOOST_TEST(run.statistics().shed == 1u);
        const std::size_t refused = refuse ? 1 : 0; // but the next one is not
        BOOST_TEST(run.statistics().refused == refused);
    }
}

BOOST_AUTO_TEST_CASE(without_shedding_a_newcomer_waits_until_somebody_leaves_or_is_refused_and_nobody_is_ended_for_it)
{
    for (const bool refuse : {false, true}) {
        listening_scenario run{1, {.limits = {.connections = 1, .shed = false}}};
        run.server->listen(any_port, echo, {.when_full = refuse ? when_full::refuse : when_full::wait});
        std::vector<client> silent = run.connect(1);
        run.until([&] { return run.statistics().accepted == 1; });
        {
            const client newcomer{run.where()};
            newcomer.send(frame("x"));
            for (duration waited{}; waited < 60s; waited += 1s) {
                run.time.advance(1s);
                run.r.poll();
            }
            BOOST_TEST(silent[0].received() == "");
            BOOST_TEST(run.statistics().connections == 1u);
            if (refuse)
                BOOST_TEST(run.received(newcomer, "ECONNRESET") == "ECONNRESET");
            silent.clear();
            if (!refuse)
                BOOST_TEST(run.received(newcomer, frame("x")) == frame("x"));
        }
        run.until([&] { return run.statistics().connections == 0; });
        const client next{run.where()};
        next.send(frame("y"));
        BOOST_TEST(run.received(next, frame("y")) == frame("y"));
        BOOST_TEST(run.statistics().shed == 0u);
        const std::size_t refused = refuse ? 1 : 0;
        BOOST_TEST(run.statistics().refused == refused);
    }
}

BOOST_AUTO_TEST_CASE(the_queue_of_a_listener_that_has_closed_or_accepts_again_hurries_nobody)
{
    listening_scenario run{1, {.limits = {.connections = 1}}};
    run.server->listen(any_port, echo);
    {
        const client first{run.where()};
        run.until([&] { return run.statistics().accepted == 1; });
        const client queued{run.where()};
        run.until([&] { return run.hurries(); });
        BOOST_TEST(run.statistics().accepted == 1u);
    }
    run.until([&] { return run.statistics().completed == 2; });
    BOOST_TEST(!run.hurries());
    const client first{run.where()};
    const client queued{run.where()};
    run.until([&] { return run.hurries(); });
    run.server->abort();
    run.until([&] { return run.server->report().has_value(); });
    BOOST_TEST(!run.hurries());
}

BOOST_AUTO_TEST_CASE(no_room_is_made_for_those_whom_a_suspended_listener_holds_back)
{
    listening_scenario run{1, {.limits = {.connections = 1}}};
    const listener_handle held = run.server->listen(any_port, echo);
    const client first{run.where()};
    run.until([&] { return run.statistics().accepted == 1; });
    const client queued{run.where()};
    run.until([&] { return run.hurries(); });
    held.suspend();
    run.r.poll();
    BOOST_TEST(!run.hurries());
    const client another{run.where()};
    run.r.poll();
    BOOST_TEST(!run.hurries());
    held.resume();
    run.until([&] { return run.hurries(); });
}

BOOST_AUTO_TEST_CASE(the_kernel_knows_how_long_a_newcomer_has_been_queued)
{
    detail::descriptor listening{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    BOOST_REQUIRE_EQUAL(::listen(listening.get(), 1), 0);
    BOOST_REQUIRE_EQUAL(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    const auto before = std::chrono::steady_clock::now();
    const client queued{endpoint::tcp("127.0.0.1", ntohs(at.sin_port))};
    const auto since = std::chrono::steady_clock::now();
    queued.send("what it sends changes nothing");
    while (std::chrono::steady_clock::now() < since + 100ms)
        continue;
    const detail::descriptor accepted{::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    const duration least = std::chrono::steady_clock::now() - since;
    const duration told = detail::time_in_queue(accepted.get());
    const duration most = std::chrono::steady_clock::now() - before;
    constexpr duration a_tick = 20ms; // of the kernel's clock, and more
    BOOST_TEST((told >= least - a_tick && told <= most + a_tick), told.count() << " ns");
    BOOST_TEST(detail::time_in_queue(listening.get()).count() >= 0);
    BOOST_TEST(detail::time_in_queue(-1).count() == 0);
}

BOOST_AUTO_TEST_CASE(a_first_unit_counts_from_when_the_kernel_had_its_connection)
{
    listening_scenario run{1, {.limits = {.connections = 1}}};
    run.server->listen(any_port, echo);
    const bytes_view begun{"\0", 1};
    const client first{run.where()};
    first.send(begun);
    run.until([&] { return run.statistics().carried.bytes_in == 1; });
    const client second{run.where()};
    const auto queued = std::chrono::steady_clock::now();
    second.send(begun);
    while (std::chrono::steady_clock::now() < queued + 200ms)
        continue;
    run.until([&] { return run.hurries(); });
    run.time.advance(1s);
    BOOST_TEST(run.received(first, "(end)") == "(end)");
    const client third{run.where()};
    run.until([&] { return run.statistics().carried.bytes_in == 2 && run.hurries(); });
    run.time.advance(1s - 100ms);
    BOOST_TEST(run.received(second, "(end)") == "(end)");
}

BOOST_AUTO_TEST_CASE(a_drain_takes_64_of_those_that_are_queued_in_one_turn_and_then_the_others)
{
    listening_scenario run;
    run.server->listen(any_port, echo);
    run.r.poll();
    const std::vector<client> all = run.connect(150);
    for (const client& c : all)
        c.send(frame("x"));
    run.server->drain();
    detail::loop& on = detail::runtime_access::get(run.r).first();
    std::uint64_t most = 0;
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    for (std::uint64_t before = 0; before < 150 && std::chrono::steady_clock::now() < give_up;) {
        detail::runtime_access::get(run.r).control().poll();
        on.context().restart();
        on.context().poll_one();
        const std::uint64_t now = run.statistics().accepted;
        most = std::max(most, now - std::exchange(before, now));
    }
    BOOST_TEST(most == 64u);
    for (const client& c : all)
        BOOST_TEST(run.received(c, frame("x") + "(end)") == frame("x") + "(end)");
}

BOOST_AUTO_TEST_CASE(with_reuse_port_each_loop_accepts_for_itself_and_the_limit_is_the_servers)
{
    listening_scenario run{2, {.limits = {.connections = 60}}};
    run.server->listen(any_port, echo, {.reuse_port = true});
    BOOST_TEST(run.server->endpoints().size() == 1u);
    BOOST_TEST(detail::server_access::get(*run.server).listeners().size() == 2u);
    std::vector<client> all = run.connect(64); // were one loop given 60 of them, there would be none for the other
    run.until([&] { return run.statistics().connections >= 60; });
    BOOST_TEST(run.statistics().connections == 60u);
    std::size_t assigned = 0;
    for (const auto& l : detail::runtime_access::get(run.r).loops()) {
        BOOST_TEST(l->assigned.load() > 0u);
        assigned += l->assigned.load();
    }
    BOOST_TEST(assigned == 60u);
    for (const client& c : all)
        c.send(frame("x"));
    while (!all.empty()) { // as many as there are permits, time after time
        std::size_t served = 0;
        run.until([&] {
            served = static_cast<std::size_t>(
                std::erase_if(all, [](const client& c) { return c.received() == frame("x"); }));
            return served != 0;
        });
        BOOST_REQUIRE_LE(served, 60u);
    }
    run.until([&] { return run.statistics().connections == 0; });
}

BOOST_AUTO_TEST_CASE(a_permit_that_comes_back_for_nobody_wakes_listeners_that_want_one_and_then_all_is_quiet)
{
    listening_scenario run{1, {.limits = {.connections = 1}}};
    std::vector<client> all;
    for (int i = 0; i < 2; ++i) {
        run.server->listen(any_port, echo);
        all.push_back(client{run.where()});
    }
    run.until([&] { return run.statistics().accepted == 1; }); // and both listeners are full, one with a newcomer
    all.clear();
    // Each takes the permit in turn: for the newcomer, and for nobody. Did they wake each other for ever, this would
    // not come back.
    run.until([&] { return run.statistics().completed == 2; });
    BOOST_TEST(run.statistics().connections == 0u);
    BOOST_TEST(detail::server_access::get(*run.server).admission().taken() == 0u);
    for (const endpoint& where : run.server->endpoints()) {
        const client next{where};
        next.send(frame("x"));
        BOOST_TEST(run.received(next, frame("x")) == frame("x"));
    }
}

BOOST_AUTO_TEST_CASE(a_drain_serves_what_is_queued_at_every_socket_of_reuse_port)
{
    listening_scenario run{2};
    run.server->listen(any_port, echo, {.reuse_port = true});
    run.r.poll();
    const std::vector<client> all = run.connect(64);
    for (const client& c : all)
        c.send(frame("x"));
    run.server->drain();
    for (const client& c : all)
        BOOST_TEST(run.received(c, frame("x") + "(end)") == frame("x") + "(end)");
    BOOST_TEST(run.statistics().completed == 0u); // the clients have not ended yet
    BOOST_TEST(run.statistics().accepted == 64u);
}

BOOST_AUTO_TEST_CASE(a_listener_that_is_suspended_accepts_nothing_until_it_is_resumed)
{
    listening_scenario run;
    const listener_handle held = run.server->listen(any_port, echo);
    BOOST_TEST(!held.suspended());
    const client before{run.where()};
    run.until([&] { return run.statistics().accepted == 1; });

    held.suspend();
    held.suspend();
    run.r.poll();
    BOOST_TEST(held.suspended());
    const client queued{run.where()};
    queued.send(frame("later"));
    before.send(frame("goes on"));
    BOOST_TEST(run.received(before, frame("goes on")) == frame("goes on"));
    BOOST_TEST(run.statistics().accepted == 1u);
    BOOST_TEST(queued.received() == "");

    held.resume();
    held.resume();
    BOOST_TEST(run.received(queued, frame("later")) == frame("later"));
    BOOST_TEST(!held.suspended());
    BOOST_TEST(run.statistics().accepted == 2u);
    for (int i = 0; i < 3; ++i) { // whatever was under way when it was changed
        const client another{run.where()};
        held.suspend();
        held.resume();
        another.send(frame("x"));
        BOOST_TEST(run.received(another, frame("x")) == frame("x"));
    }
}

BOOST_AUTO_TEST_CASE(a_listener_suspended_while_it_is_full_accepts_nothing_when_one_leaves)
{
    listening_scenario run{1, {.limits = {.connections = 1}}};
    const listener_handle held = run.server->listen(any_port, echo);
    auto first = std::make_unique<client>(run.where());
    run.until([&] { return run.statistics().accepted == 1; });
    const client queued{run.where()};
    queued.send(frame("x"));
    held.suspend();
    first.reset();
    run.until([&] { return run.statistics().connections == 0; });
    run.r.poll();
    BOOST_TEST(run.statistics().accepted == 1u);
    held.resume();
    BOOST_TEST(run.received(queued, frame("x")) == frame("x"));
}

BOOST_AUTO_TEST_CASE(a_drain_takes_what_a_suspended_listener_has_queued)
{
    listening_scenario run;
    const listener_handle held = run.server->listen(any_port, echo);
    held.suspend();
    run.r.poll();
    const client queued{run.where()};
    queued.send(frame("x"));
    run.server->drain();
    run.r.poll();
    held.resume(); // nothing is left to resume
    BOOST_TEST(run.received(queued, frame("x") + "(end)") == frame("x") + "(end)");
    run.server.reset();
    run.r.poll();
    held.suspend();
    BOOST_TEST(!held.suspended());
    BOOST_TEST(!listener_handle{}.suspended());
}

BOOST_AUTO_TEST_CASE(options_that_do_not_go_with_the_endpoint_are_refused)
{
    listening_scenario run;
    BOOST_TEST(refusal_of(run, "unix:/tmp/never-made", {.reuse_port = true}) ==
               "listen_options.reuse_port: expected false with unix:/tmp/never-made, a Unix socket");
    const int fd = bound_socket(SOCK_STREAM);
    const std::string where = "fd:" + std::to_string(fd);
    BOOST_TEST(refusal_of(run, where, {.reuse_port = true}) ==
               "listen_options.reuse_port: expected false with " + where + ", which is bound already");
    BOOST_TEST(refusal_of(run, where, {.dual_stack = true}) ==
               "listen_options.dual_stack: expected false with " + where + ", which is bound already");
    BOOST_TEST(refusal_of(run, where, {.unix_permissions = 0660}) ==
               "listen_options.unix_permissions: expected none with " + where + ", which is bound already");
    BOOST_TEST(refusal_of(run, where, {}) == "taken"); // none of these has touched it
}

BOOST_AUTO_TEST_CASE(datagrams_come_by_a_socket_that_was_inherited)
{
    listening_scenario run;
    const int fd = bound_socket(SOCK_DGRAM);
    const endpoint where{"fd:" + std::to_string(fd)};
    BOOST_CHECK_THROW(run.server->listen(where, echo), endpoint_error);
    listen_datagrams(*run.server, where, [](datagram_request& r) { return r.send(r.payload()); });
    BOOST_TEST(run.where().to_string().starts_with("udp://127.0.0.1:"));
    const int peer = bound_socket(SOCK_DGRAM);
    sockaddr_in at{};
    socklen_t size = sizeof at;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
    ::sendto(peer, "hello", 5, 0, reinterpret_cast<sockaddr*>(&at), size);
    char got[16];
    run.until([&] { return ::recv(peer, got, sizeof got, MSG_DONTWAIT) == 5; });
    ::close(peer);
}

// In a child, whose descriptor 3 is whatever the test wants it to be.
BOOST_AUTO_TEST_CASE(the_variables_of_systemd_are_gone_once_they_are_read)
{
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(bound_socket(SOCK_STREAM), 3);
        ::setenv("LISTEN_FDS", "1", 1);
        ::setenv("LISTEN_FDNAMES", "web", 1);
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        int status = 1;
        try {
            listening_scenario run;
            run.server->listen("systemd:web", echo);
            status = std::getenv("LISTEN_FDS") == nullptr && std::getenv("LISTEN_FDNAMES") == nullptr &&
                             std::getenv("LISTEN_PID") == nullptr
                         ? 0
                         : 2;
            run.server->listen("systemd:web", echo); // a second time there is none
            status = 3;
        } catch (const endpoint_error&) {
        }
        ::_exit(status);
    }
    int status = -1;
    BOOST_REQUIRE_EQUAL(::waitpid(child, &status, 0), child);
    BOOST_TEST(WEXITSTATUS(status) == 0);
}
