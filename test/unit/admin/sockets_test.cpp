// SPDX-License-Identifier: BSL-1.0

// The admin endpoint over real sockets: how the rows come from the loops, and who may begin the drain. What the rows
// say is held against the kernel's own tables in integration/admin_test.py.
#include <hawser/admin.hpp>

#include "admin/gathering.hpp"
#include "server/listener.hpp"
#include "values/address.hpp"

#include <hawser/connect.hpp>
#include <hawser/datagram.hpp>

#include "temporary_folder.hpp"

#define BOOST_TEST_MODULE admin_sockets
#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

using namespace hawser;
using namespace std::chrono_literals;

namespace {

// A blocking client.
class plain_client
{
public:
    explicit plain_client(const endpoint& where)
    {
        const bool is_unix = where.scheme() == endpoint::scheme_type::unix_socket;
        detail::socket_address at{};
        if (is_unix) {
            at.unix_path.sun_family = AF_UNIX;
            where.path().copy(at.unix_path.sun_path, sizeof at.unix_path.sun_path - 1);
        } else {
            at.v4.sin_family = AF_INET;
            at.v4.sin_port = ::htons(where.port());
            at.v4.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        }
        fd_ = ::socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const socklen_t size = is_unix ? sizeof at.unix_path : sizeof at.v4;
        BOOST_REQUIRE_EQUAL(::connect(fd_, &at.any, size), 0);
    }
    plain_client(plain_client&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    plain_client& operator=(plain_client&&) = delete;
    ~plain_client()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }

    std::string ask(const std::string& request) const
    {
        BOOST_REQUIRE_EQUAL(::send(fd_, request.data(), request.size(), MSG_NOSIGNAL),
                            static_cast<ssize_t>(request.size()));
        std::string answer;
        char room[4096];
        for (ssize_t n = 0; (n = ::recv(fd_, room, sizeof room, 0)) > 0;)
            answer.append(room, static_cast<std::size_t>(n));
        return answer;
    }

private:
    int fd_ = -1;
};

awaitable<void> echo(connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

// A client's own address, and what is seen while it is there and has been answered.
awaitable<std::pair<std::string, detail::socket_rows>> look_beside_a_client(runtime& on, server& of)
{
    auto peer = co_await connect(of.endpoints()[0]);
    co_await peer.write_frame("hello");
    co_await peer.read_frame();
    std::vector<std::shared_ptr<detail::server_core>> servers{detail::server_access::get(of).shared()};
    auto rows = co_await detail::gather(detail::runtime_access::get(on).loops()[0], std::move(servers), 10s);
    co_return std::pair{peer.local_endpoint().short_string(), std::move(rows)};
}

} // namespace

// ---- From the loops

BOOST_AUTO_TEST_CASE(every_socket_is_a_row_however_many_there_are)
{
    constexpr std::size_t clients = 200; // several turns of each loop
    const test::temporary_folder folder;
    const std::string path = folder.path("socket");
    std::atomic<std::size_t> begun{0}; // what is accepted may still be on its way to its loop
    runtime served{{.loops = 2}};
    server of{served};
    of.listen("unix:" + path, [&begun](connection& peer) {
        ++begun;
        return echo(peer);
    });
    served.start();
    std::vector<plain_client> open;
    for (std::size_t i = 0; i < clients; ++i)
        open.emplace_back(of.endpoints()[0]);
    while (begun < clients)
        std::this_thread::yield();

    runtime asking{{.loops = 1}};
    const auto all = run(asking, detail::gather(detail::runtime_access::get(asking).loops()[0],
                                                {detail::server_access::get(of).shared()}, 10s));
    BOOST_TEST(all.silent.empty());
    BOOST_REQUIRE_EQUAL(all.rows.size(), clients + 1);
    BOOST_TEST(all.rows[0].state.name == "LISTEN");
    BOOST_TEST(all.rows[0].state.send_queue > 0u);
    std::set<int> descriptors;
    for (const detail::socket_row& row : all.rows) {
        descriptors.insert(row.descriptor);
        BOOST_TEST(row.protocol == "unix");
        BOOST_TEST(row.local == path);
        BOOST_TEST(row.session.has_value() == (&row != &all.rows[0]));
    }
    BOOST_TEST(descriptors.size() == clients + 1);
}

BOOST_AUTO_TEST_CASE(a_row_says_what_a_session_has_carried_and_a_client_has_one_too)
{
    runtime served{{.loops = 1}};
    server of{served};
    of.listen("tcp://127.0.0.1:0", echo);
    const endpoint where = of.endpoints()[0];
    const auto [own, all] = run(served, look_beside_a_client(served, of));
    BOOST_REQUIRE_EQUAL(all.rows.size(), 3u);
    for (const detail::socket_row& row : all.rows) {
        BOOST_TEST_CONTEXT(row.local << ' ' << row.peer)
        {
            const bool is_client = row.local == own;
            BOOST_TEST((is_client ? row.peer : row.local) == where.short_string());
            if (!row.session)
                continue;
            BOOST_TEST((is_client ? row.local : row.peer) == own);
            BOOST_TEST(row.session->carried.frames_in == 1u);
            BOOST_TEST(row.session->carried.bytes_out == 9u);
            BOOST_TEST((row.session->waiting_for == (is_client ? wait_kind::nothing : wait_kind::input)));
            BOOST_TEST(row.session->waiting_time.has_value() == !is_client);
            BOOST_TEST(row.session->idle.has_value());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_loop_that_a_handler_keeps_is_named_and_not_waited_for)
{
    runtime served{{.loops = 1, .blocked_after = never}};
    server of{served};
    std::promise<std::string> begun;
    std::promise<void> go_on;
    of.listen("tcp://127.0.0.1:0", [&](connection& peer) -> awaitable<void> {
        begun.set_value(peer.peer_endpoint().short_string());
        go_on.get_future().wait();
        co_return;
    });
    served.start();
    {
        const plain_client client{of.endpoints()[0]};
        const std::string who = begun.get_future().get();
        runtime asking{{.loops = 1}};
        const auto all = run(asking, detail::gather(detail::runtime_access::get(asking).loops()[0],
                                                    {detail::server_access::get(of).shared()}, 20ms));
        BOOST_TEST(all.rows.empty());
        BOOST_REQUIRE_EQUAL(all.silent.size(), 1u);
        BOOST_TEST(all.silent[0].kept_by == who);
        go_on.set_value();
    }
    of.drain();
    BOOST_TEST(of.wait().clean());
}

BOOST_AUTO_TEST_CASE(a_loop_that_the_handler_of_a_datagram_keeps_is_named_too)
{
    runtime served{{.loops = 1, .blocked_after = never}};
    server of{served};
    std::promise<std::string> begun;
    std::promise<void> go_on;
    listen_datagrams(of, "udp://127.0.0.1:0", [&](datagram_request& request) -> awaitable<void> {
        begun.set_value(request.sender().to_endpoint().short_string());
        go_on.get_future().wait();
        co_return;
    });
    served.start();
    runtime asking{{.loops = 1}};
    datagram_socket client{asking};
    run(asking, client.connect(of.endpoints()[0]));
    run(asking, client.send(""));
    const std::string who = begun.get_future().get();
    const auto all = run(asking, detail::gather(detail::runtime_access::get(asking).loops()[0],
                                                {detail::server_access::get(of).shared()}, 20ms));
    BOOST_REQUIRE_EQUAL(all.silent.size(), 1u);
    BOOST_TEST(all.silent[0].kept_by == who);
    go_on.set_value();
    of.drain();
    BOOST_TEST(of.wait().clean());
}

// ---- The endpoint

BOOST_AUTO_TEST_CASE(over_a_unix_socket_it_answers_its_owner_and_drains)
{
    const test::temporary_folder folder;
    const std::string path = folder.path("socket");
    runtime served{{.loops = 1}};
    server of{served};
    of.listen("tcp://127.0.0.1:0", echo);
    const admin at{of, "unix:" + path};
    served.start();
    struct ::stat file {};
    BOOST_REQUIRE_EQUAL(::stat(path.c_str(), &file), 0);
    BOOST_TEST((file.st_mode & 0777) == 0600u);
    const std::string rest = " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    BOOST_TEST(plain_client{at.endpoints()[0]}.ask("GET /health" + rest).ends_with("\r\n\r\nready\n"));
    BOOST_TEST(plain_client{at.endpoints()[0]}.ask("POST /drain" + rest).starts_with("HTTP/1.1 202 "));
    BOOST_TEST(of.wait().clean());
    BOOST_TEST(plain_client{at.endpoints()[0]}.ask("GET /health" + rest).starts_with("HTTP/1.1 503 "));
    BOOST_TEST(of.statistics().accepted == 0u);
}

BOOST_AUTO_TEST_CASE(health_is_503_once_the_last_listener_has_failed_which_the_observer_is_told)
{
    struct events : observer {
        std::promise<endpoint> first;
        std::promise<std::size_t> lost;
        std::atomic<std::size_t> failed{0};
        void listener_failed(const endpoint& where, const error_code&) noexcept override
        {
            if (failed++ == 0)
                first.set_value(where);
        }
        void listeners_lost() noexcept override { lost.set_value(failed); }
    };
    const auto told = std::make_shared<events>();
    runtime served{{.loops = 1}};
    server of{served, {.observer = told}};
    of.listen("tcp://127.0.0.1:0", echo);
    of.listen("tcp://127.0.0.1:0", echo);
    const admin at{of, "127.0.0.1:0"};
    std::vector<int> sockets;
    for (const auto& l : detail::server_access::get(of).listeners())
        sockets.push_back(l->socket());
    served.start();
    const std::string ask = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    ::shutdown(sockets[0], SHUT_RDWR); // which ends listening for good
    BOOST_TEST((told->first.get_future().get() == of.endpoints()[0]));
    BOOST_TEST(plain_client{at.endpoints()[0]}.ask(ask).starts_with("HTTP/1.1 200 "));
    ::shutdown(sockets[1], SHUT_RDWR);
    BOOST_TEST(told->lost.get_future().get() == 2u);
    BOOST_TEST(plain_client{at.endpoints()[0]}.ask(ask).starts_with("HTTP/1.1 503 "));

    BOOST_TEST(!of.report()); // the drain is whoever runs the server's to begin
    of.drain();
    BOOST_TEST(of.wait().clean());
}

BOOST_AUTO_TEST_CASE(an_endpoint_that_cannot_be_had_is_named)
{
    runtime served{{.loops = 1}};
    server of{served};
    const admin first{of, "127.0.0.1:0"};
    const auto words = [&](const endpoint& where) {
        try {
            const admin second{of, where};
        } catch (const endpoint_error& e) {
            return std::string{e.what()};
        }
        return std::string{};
    };
    const std::string taken = first.endpoints()[0].to_string();
    BOOST_TEST(words(taken).find(taken) != std::string::npos);
    BOOST_TEST(words("tls://127.0.0.1:0") ==
               "expected tcp://HOST:PORT or unix:PATH to look at a server, got tls://127.0.0.1:0");
}
