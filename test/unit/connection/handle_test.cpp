// SPDX-License-Identifier: BSL-1.0

// Functions that are posted through a handle: what may be posted, how many may wait, and what is said of those that
// may not.
#include <hawser/connection.hpp>

#include "scenario.hpp"

#define BOOST_TEST_MODULE handle
#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

// A session that waits for its peer's end, and the handle to it.
struct held_session : server_scenario {
    connection_handle h;
    peer p = open([this](connection& c) -> awaitable<void> {
        h = c.handle();
        co_await c.read_frame();
    });
};

template <class F>
concept can_be_posted = requires(const connection_handle& h, F f)
{
    h.post(std::move(f));
};

using of_a_connection = void (*)(connection&);
static_assert(can_be_posted<of_a_connection>);
static_assert(can_be_posted<std::function<int(const connection&)>>);
static_assert(!can_be_posted<int>);
static_assert(!can_be_posted<void (*)(std::string&)>);

} // namespace

BOOST_AUTO_TEST_CASE(a_posted_function_may_be_movable_alone)
{
    held_session run;
    auto text = std::make_unique<std::string>("once");
    BOOST_TEST(run.h.post([t = std::move(text)](connection& c) { c.try_write_frame(*t); }));
    run.poll();
    BOOST_TEST(run.p.received() == frame("once"));
}

BOOST_AUTO_TEST_CASE(of_one_connection_1024_functions_may_wait_and_each_that_has_run_makes_room_for_one)
{
    held_session run;
    int called = 0;
    const auto count = [&called](connection&) { ++called; };
    for (int i = 0; i < 1023; ++i)
        BOOST_TEST_REQUIRE(run.h.post(count));
    BOOST_TEST(run.h.post(count)); // the 1,024th
    BOOST_TEST(!run.h.post(count));
    BOOST_TEST(!connection_handle{run.h}.post(count)); // through any handle
    run.poll();
    BOOST_TEST(called == 1024);
    for (int i = 0; i < 1024; ++i)
        BOOST_TEST_REQUIRE(run.h.post(count));
    BOOST_TEST(!run.h.post(count));
    run.poll();
    BOOST_TEST(called == 2048);
}

BOOST_AUTO_TEST_CASE(a_function_that_runs_waits_no_longer_and_may_post_the_next)
{
    held_session run;
    std::vector<bool> taken;
    BOOST_TEST_REQUIRE(run.h.post([&](connection&) {
        taken.push_back(run.h.post([](connection&) {}));
        taken.push_back(run.h.post([](connection&) {}));
    }));
    for (int i = 0; i < 1023; ++i)
        BOOST_TEST_REQUIRE(run.h.post([](connection&) {}));
    run.poll();
    BOOST_TEST((taken == std::vector<bool>{true, false}));
}

BOOST_AUTO_TEST_CASE(another_connection_has_its_own_1024)
{
    held_session run;
    connection_handle other;
    peer q = run.open([&other](connection& c) -> awaitable<void> {
        other = c.handle();
        co_await c.read_frame();
    });
    for (int i = 0; i < 1024; ++i)
        BOOST_TEST_REQUIRE(run.h.post([](connection&) {}));
    BOOST_TEST(other.post([](connection&) {}));
}

BOOST_AUTO_TEST_CASE(what_waits_when_the_session_ends_is_dropped_and_nothing_more_is_taken)
{
    held_session run;
    const auto held = std::make_shared<int>(0);
    const auto touch = [held](connection&) { ++*held; };
    BOOST_TEST_REQUIRE(run.h.post([](connection& c) { c.reset(); }));
    for (int i = 0; i < 1023; ++i)
        BOOST_TEST_REQUIRE(run.h.post(touch));
    run.poll();
    BOOST_TEST(*held == 0);
    BOOST_TEST(held.use_count() == 2); // here, and in `touch`
    BOOST_TEST(!run.h.post(touch));
}

BOOST_AUTO_TEST_CASE(nothing_is_taken_for_no_connection_nor_for_a_runtime_that_has_ended)
{
    held_session run;
    BOOST_TEST(!connection_handle{}.post([](connection&) {}));
    run.end_runtime();
    BOOST_TEST(!run.h.post([](connection&) {}));
}

BOOST_AUTO_TEST_CASE(handles_of_one_connection_are_equal_and_hash_alike_also_when_it_has_ended)
{
    held_session run;
    connection_handle other;
    connection_handle again;
    peer q = run.open([&](connection& c) -> awaitable<void> {
        other = c.handle();
        again = c.handle();
        co_await c.read_frame();
    });
    std::unordered_set<connection_handle> members{run.h, other, again, connection_handle{}, connection_handle{}};
    BOOST_TEST(members.size() == 3u);
    BOOST_TEST((other == again));
    BOOST_TEST((other != run.h));
    BOOST_TEST((other != connection_handle{}));
    BOOST_TEST((connection_handle{} == connection_handle{}));
    q.end();
    BOOST_TEST((other == again));
    BOOST_TEST(members.erase(again) == 1u);
    BOOST_TEST(members.count(other) == 0u);
    BOOST_TEST(members.count(run.h) == 1u);
}

BOOST_AUTO_TEST_CASE(a_handle_has_expired_once_its_connection_has_closed)
{
    held_session run;
    BOOST_TEST(connection_handle{}.expired());
    BOOST_TEST(!run.h.expired());
    run.p.end();
    BOOST_TEST(run.h.expired());
    BOOST_TEST(!run.h.post([](connection&) {}));
}
