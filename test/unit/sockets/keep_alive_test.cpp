// SPDX-License-Identifier: BSL-1.0

// How the kernel is told to find out that a TCP peer is gone, on both ends of a connection.
#include "sockets/keep_alive.hpp"

#include "scenario.hpp"
#include "thrown.hpp"

#include <hawser/acceptor.hpp>
#include <hawser/connect.hpp>

#define BOOST_TEST_MODULE keep_alive
#include <boost/test/unit_test.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>
#include <string>

using namespace hawser;
using namespace hawser::test;

namespace {

int option(connection& of, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(detail::core_access::get(of).descriptor(), level, name, &value, &size);
    return value;
}

// "keep-alive after 60 s, then every 15 s, 4 times; given up after 60000 ms"
std::string in_words(connection& of)
{
    std::string text = "no keep-alive";
    if (option(of, SOL_SOCKET, SO_KEEPALIVE) == 1)
        text = "keep-alive after " + std::to_string(option(of, IPPROTO_TCP, TCP_KEEPIDLE)) + " s, then every " +
               std::to_string(option(of, IPPROTO_TCP, TCP_KEEPINTVL)) + " s, " +
               std::to_string(option(of, IPPROTO_TCP, TCP_KEEPCNT)) + " times";
    return text + "; given up after " + std::to_string(option(of, IPPROTO_TCP, TCP_USER_TIMEOUT)) + " ms";
}

awaitable<void> join(acceptor& at, connect_options how, std::string& client, std::string& server)
{
    connection c = co_await connect(at.local_endpoint(), std::move(how));
    connection s = co_await at.accept();
    client = in_words(c);
    server = in_words(s);
}

struct ends {
    std::string client;
    std::string server;
};

ends joined(const connect_options& client, const listen_options& server)
{
    scenario run;
    acceptor at{run.runtime()};
    at.bind("tcp://127.0.0.1:0", server);
    at.listen();
    ends found;
    const auto task = run.start(join(at, client, found.client, found.server));
    const auto give_up = std::chrono::steady_clock::now() + 60s;
    while (!task.done() && std::chrono::steady_clock::now() < give_up) {
        run.loop().context().run_one_for(100ms);
        run.poll();
    }
    BOOST_TEST(task.outcome() == "done");
    return found;
}

} // namespace

BOOST_AUTO_TEST_CASE(both_ends_of_a_connection_look_for_a_peer_that_is_gone_unless_told_otherwise)
{
    const ends found = joined({}, {});
    BOOST_TEST(found.client == "keep-alive after 60 s, then every 15 s, 4 times; given up after 60000 ms");
    BOOST_TEST(found.server == found.client);
}

BOOST_AUTO_TEST_CASE(each_end_is_as_its_options_say)
{
    const ends found = joined({.keep_alive = 8s, .keep_alive_probes = 127, .user_timeout = never},
                              {.keep_alive = 1s, .keep_alive_probes = 1, .user_timeout = 1500ms});
    BOOST_TEST(found.client == "keep-alive after 8 s, then every 2 s, 127 times; given up after 0 ms");
    BOOST_TEST(found.server == "keep-alive after 1 s, then every 1 s, 1 times; given up after 1500 ms");
    BOOST_TEST(joined({.keep_alive = never}, {}).client == "no keep-alive; given up after 60000 ms");
    BOOST_TEST(joined({.keep_alive = 32767s}, {}).client.starts_with("keep-alive after 32767 s, "));
}

BOOST_AUTO_TEST_CASE(what_the_kernel_would_not_take_is_refused_by_field)
{
    const std::pair<detail::keep_alive_options, const char*> cases[] = {
        {{999ms, 4, 60s}, "x.keep_alive: expected 1 s to 32767 s, or never, got 999000000 ns"},
        {{32768s, 4, 60s}, "x.keep_alive: expected 1 s to 32767 s, or never, got 32768000000000 ns"},
        {{60s, 0, 60s}, "x.keep_alive_probes: expected 1 to 127, got 0"},
        {{60s, 128, 60s}, "x.keep_alive_probes: expected 1 to 127, got 128"},
        {{60s, 4, 0s}, "x.user_timeout: expected 1 ms to 2147483647 ms, or never, got 0 ns"},
        {{60s, 4, 2147483648ms}, "x.user_timeout: expected 1 ms to 2147483647 ms, or never, got 2147483648000000 ns"},
        {{never, 127, never}, "nothing"},
    };
    for (const auto& [options, words] : cases)
        BOOST_TEST(thrown_by([&o = options] { validate("x.", o); }) == words);

    scenario run;
    acceptor at{run.runtime()};
    BOOST_TEST(thrown_by([&] { at.bind("tcp://127.0.0.1:0", {.keep_alive_probes = 0}); }) ==
               "listen_options.keep_alive_probes: expected 1 to 127, got 0");
    std::string unused;
    const auto task = run.start(join(at, {.keep_alive_probes = 0}, unused, unused));
    BOOST_TEST(task.what() == "connect_options.keep_alive_probes: expected 1 to 127, got 0");
}
