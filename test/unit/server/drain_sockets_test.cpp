// SPDX-License-Identifier: BSL-1.0

// The end of a server, turn by turn of each loop: what is on its way between two loops, another server beside it, and
// who destroys it.
#include <hawser/server.hpp>

#include "loop/runtime_core.hpp"
#include "scenario.hpp"
#include "server/server_core.hpp"

#define BOOST_TEST_MODULE drain_sockets
#include <boost/test/unit_test.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

awaitable<void> wait_for_input(connection& c)
{
    co_await c.read_frame();
}

// Loops that run when they are told to, and clients that the kernel has connected.
struct turned_loops {
    manual_clock time;
    hawser::runtime runtime{{.loops = 2, .blocked_after = never, .time = &time}};
    boost::asio::io_context clients;
    std::vector<boost::asio::ip::tcp::socket> connected;

    detail::loop& loop(std::size_t i) { return *detail::runtime_access::get(runtime).loops().at(i); }
    detail::loop& control() { return detail::runtime_access::get(runtime).control(); }
    void connect(const server& to)
    {
        const std::uint16_t port = to.endpoints().front().port();
        connected.emplace_back(clients).connect({boost::asio::ip::address_v4::loopback(), port});
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(what_was_accepted_and_had_not_begun_at_the_cut_is_in_the_report)
{
    turned_loops run;
    const auto seen = std::make_shared<recorder>();
    server s{run.runtime, {.observer = seen}};
    s.listen("tcp://127.0.0.1:0", wait_for_input);
    run.runtime.poll();
    run.connect(s); // for the first loop
    run.connect(s); // for the second
    run.loop(0).poll();
    BOOST_TEST_REQUIRE(s.statistics().accepted == 2u);
    s.abort();
    run.control().poll();
    run.runtime.poll();
    const auto report = s.report();
    BOOST_TEST_REQUIRE(report.has_value());
    BOOST_TEST_REQUIRE(report->cut.size() == 2u);
    BOOST_TEST(report->drained == 0u);
    for (const cut_session& each : report->cut)
        BOOST_TEST(!each.abandoned);
    for (const auto& c : run.connected) {
        const auto is_it = [&](const cut_session& each) { return each.peer.port() == c.local_endpoint().port(); };
        BOOST_TEST(std::count_if(report->cut.begin(), report->cut.end(), is_it) == 1);
    }
    BOOST_TEST(s.statistics().refused == 1u);
    BOOST_TEST(s.statistics().failed == 1u);
}

BOOST_AUTO_TEST_CASE(a_cut_waits_for_no_session_of_another_server)
{
    turned_loops run;
    server s{run.runtime};
    server other{run.runtime};
    s.listen("tcp://127.0.0.1:0", wait_for_input);
    other.listen("tcp://127.0.0.1:0", wait_for_input);
    run.runtime.poll();
    run.connect(s);
    run.connect(other);
    run.runtime.poll();
    BOOST_TEST_REQUIRE(other.statistics().connections == 1u);
    s.abort();
    run.runtime.poll();
    BOOST_TEST_REQUIRE(s.report().has_value());
    BOOST_TEST((s.report()->took == duration::zero()));
    BOOST_TEST(other.statistics().connections == 1u);
}

BOOST_AUTO_TEST_CASE(a_server_is_destroyed_by_its_control_loop_whoever_lets_go_of_it_last)
{
    turned_loops run;
    auto seen = std::make_shared<recorder>();
    const std::weak_ptr<recorder> shared = seen; // with the inside of the server
    std::optional<server> s{std::in_place, run.runtime, server_options{.observer = std::move(seen)}};
    s->listen("tcp://127.0.0.1:0", wait_for_input);
    run.runtime.poll();
    run.connect(*s);
    run.runtime.poll();
    s.reset();
    run.runtime.poll();
    BOOST_TEST(!shared.expired()); // a session has it
    run.connected.clear();
    for (std::size_t i = 0; i < 2; ++i)
        while (run.loop(i).poll() != 0) {
        }
    BOOST_TEST(!shared.expired());
    run.control().poll();
    BOOST_TEST(shared.expired());
}

BOOST_AUTO_TEST_CASE(a_server_that_outlives_its_runtime_is_destroyed_at_once)
{
    auto seen = std::make_shared<recorder>();
    const std::weak_ptr<recorder> shared = seen;
    std::optional<turned_loops> run{std::in_place};
    std::optional<server> s{std::in_place, run->runtime, server_options{.observer = std::move(seen)}};
    s->listen("tcp://127.0.0.1:0", wait_for_input);
    run.reset();
    s.reset();
    BOOST_TEST(shared.expired());
}
