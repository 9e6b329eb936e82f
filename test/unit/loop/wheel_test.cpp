// SPDX-License-Identifier: BSL-1.0

// The timing wheel: when it looks, what re-arming costs, and that nothing stays behind.
#include "loop/wheel.hpp"

#define BOOST_TEST_MODULE wheel
#include <boost/test/unit_test.hpp>

#include <malloc.h>

#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace hawser;
using namespace std::chrono_literals;
using hawser::detail::wheel;

namespace {

// Calls a function at each look, which says when to look again.
struct probe : wheel::entry {
    std::vector<time_point> seen;
    std::function<time_point(time_point)> then = [](time_point) { return time_point::max(); };
    time_point on_due(time_point now) override
    {
        seen.push_back(now);
        return then(now);
    }
};

constexpr time_point start{1000h};

} // namespace

BOOST_AUTO_TEST_CASE(a_deadline_is_seen_exactly_when_it_comes_and_not_a_nanosecond_before)
{
    for (const duration wait :
         {duration{1ns}, duration{1ms}, duration{4ms}, duration{5ms}, duration{267ms}, duration{268435456ns},
          duration{269ms}, duration{1s}, duration{17s}, duration{18s}, duration{18min}, duration{19min}, duration{19h},
          duration{20h}, duration{50 * 24h}, duration{80 * 24h}, duration{20 * 365 * 24h}}) {
        BOOST_TEST_CONTEXT("after " << wait.count() << " ns")
        {
            wheel w{start};
            probe e;
            w.arm(e, start + wait);
            BOOST_TEST((e.linked_at() == start + wait));
            w.advance(start + wait - 1ns);
            BOOST_TEST(e.seen.empty());
            BOOST_TEST(w.size() == 1u);
            w.advance(start + wait);
            BOOST_TEST(e.seen.size() == 1u);
            BOOST_TEST(w.size() == 0u);
            BOOST_TEST((e.linked_at() == time_point::max()));
            BOOST_TEST((w.next() == time_point::max()));
        }
    }
}

BOOST_AUTO_TEST_CASE(steps_of_any_size_see_the_same_deadlines)
{
    for (const duration step : {duration{1ms}, duration{4ms}, duration{7ms}, duration{300ms}, duration{20s}}) {
        BOOST_TEST_CONTEXT("steps of " << step.count() << " ns")
        {
            wheel w{start};
            probe soon;
            probe later;
            w.arm(soon, start + 100ms);
            w.arm(later, start + 30s);
            time_point now = start;
            while (now < start + 40s) {
                now += step;
                w.advance(now);
                BOOST_TEST_REQUIRE(soon.seen.empty() == (now < start + 100ms));
                BOOST_TEST_REQUIRE(later.seen.empty() == (now < start + 30s));
            }
            BOOST_TEST(soon.seen.size() == 1u);
            BOOST_TEST(later.seen.size() == 1u);
        }
    }
}

BOOST_AUTO_TEST_CASE(arming_later_changes_nothing_and_arming_earlier_relinks)
{
    wheel w{start};
    probe e;
    w.arm(e, start + 10s);
    w.arm(e, start + 20s);
    BOOST_TEST((e.linked_at() == start + 10s));
    w.arm(e, start + 10s);
    BOOST_TEST((e.linked_at() == start + 10s));
    w.arm(e, start + 5s);
    BOOST_TEST((e.linked_at() == start + 5s));
    BOOST_TEST(w.size() == 1u);
    w.advance(start + 5s);
    BOOST_TEST(e.seen.size() == 1u);
    w.advance(start + 100s);
    BOOST_TEST(e.seen.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_entry_that_moved_its_deadline_is_linked_anew_by_its_look)
{
    wheel w{start};
    probe e;
    e.then = [](time_point now) { return now < start + 50s ? start + 50s : time_point::max(); };
    w.arm(e, start + 1s);
    w.advance(start + 1s);
    BOOST_TEST((e.linked_at() == start + 50s));
    w.advance(start + 50s - 1ns);
    BOOST_TEST(e.seen.size() == 1u);
    w.advance(start + 50s);
    BOOST_TEST(e.seen.size() == 2u);
    BOOST_TEST(w.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_look_that_asks_for_the_same_tick_or_the_past_is_called_again_by_the_next_advance)
{
    wheel w{start};
    probe past;
    past.then = [](time_point now) { return now - 1h; };
    probe same;
    same.then = [](time_point now) { return now + 1ns; };
    w.arm(past, start + 1s);
    w.arm(same, start + 1s);
    w.advance(start + 1s);
    BOOST_TEST(past.seen.size() == 1u);
    BOOST_TEST(same.seen.size() == 1u);
    w.advance(start + 1s);
    BOOST_TEST(past.seen.size() == 2u);
    BOOST_TEST(same.seen.size() == 1u);
    w.advance(start + 1s + 1ns);
    BOOST_TEST(same.seen.size() == 2u);
}

BOOST_AUTO_TEST_CASE(an_entry_due_already_is_seen_at_the_next_advance)
{
    wheel w{start};
    probe e;
    w.arm(e, start - 1h);
    w.advance(start);
    BOOST_TEST(e.seen.size() == 1u);
}

BOOST_AUTO_TEST_CASE(next_is_never_later_than_one_tick_after_the_first_deadline)
{
    for (const duration wait : {duration{1ms}, duration{100ms}, duration{3s}, duration{100s}, duration{30h}}) {
        wheel w{start};
        probe e;
        w.arm(e, start + wait);
        BOOST_TEST((w.next() <= start + wait + 5ms));
        time_point now = start;
        int wakes = 0;
        for (; e.seen.empty(); ++wakes) {
            BOOST_TEST_REQUIRE((w.next() > now));
            now = w.next();
            w.advance(now);
        }
        BOOST_TEST((now <= start + wait + 5ms));
        BOOST_TEST(wakes <= 8); // one for each level on the way down
    }
}

BOOST_AUTO_TEST_CASE(a_cancelled_entry_is_not_seen_and_may_be_armed_again)
{
    wheel w{start};
    probe e;
    w.cancel(e);
    w.arm(e, start + 1s);
    w.cancel(e);
    BOOST_TEST(w.size() == 0u);
    w.advance(start + 2s);
    BOOST_TEST(e.seen.empty());
    w.arm(e, start + 3s);
    w.advance(start + 3s);
    BOOST_TEST(e.seen.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_entry_that_is_destroyed_leaves_the_wheel)
{
    wheel w{start};
    auto e = std::make_unique<probe>();
    w.arm(*e, start + 1s);
    e.reset();
    BOOST_TEST(w.size() == 0u);
    w.advance(start + 2s);
}

BOOST_AUTO_TEST_CASE(a_look_may_arm_cancel_and_destroy_other_entries_due_at_the_same_time)
{
    wheel w{start};
    auto destroyed = std::make_unique<probe>();
    probe cancelled;
    probe armed;
    probe first;
    first.then = [&](time_point) {
        destroyed.reset();
        w.cancel(cancelled);
        w.arm(armed, start + 1s);
        return time_point::max();
    };
    w.arm(first, start + 1s);
    w.arm(*destroyed, start + 1s);
    w.arm(cancelled, start + 1s);
    w.advance(start + 1s);
    BOOST_TEST(first.seen.size() == 1u);
    BOOST_TEST(cancelled.seen.empty());
    w.advance(start + 1s);
    BOOST_TEST(armed.seen.size() == 1u);
    BOOST_TEST(w.size() == 0u);
}

BOOST_AUTO_TEST_CASE(all_entries_due_in_one_tick_are_seen_together)
{
    wheel w{start};
    std::vector<std::unique_ptr<probe>> all;
    for (int i = 0; i < 1000; ++i) {
        all.push_back(std::make_unique<probe>());
        w.arm(*all.back(), start + 1s + duration{i});
    }
    w.advance(start + 1s + 499ns);
    std::size_t seen = 0;
    for (const auto& e : all)
        seen += e->seen.size();
    BOOST_TEST(seen == 500u);
    w.advance(start + 1s + 999ns);
    BOOST_TEST(w.size() == 0u);
}

BOOST_AUTO_TEST_CASE(ten_million_deadlines_armed_and_cancelled_leave_nothing)
{
    wheel w{start};
    probe e;
    const std::size_t before = ::mallinfo2().uordblks;
    time_point now = start;
    for (int i = 0; i < 10'000'000; ++i) {
        w.arm(e, now + duration{(i % 1000) * 77'000'000LL});
        if (i % 1000 == 0)
            w.advance(now += 3ms);
        w.cancel(e);
    }
    BOOST_TEST(w.size() == 0u);
    BOOST_TEST(::mallinfo2().uordblks == before);
    BOOST_TEST(e.seen.size() <= 10'000u);
}

BOOST_AUTO_TEST_CASE(random_deadlines_are_seen_as_a_sorted_map_says)
{
    const auto seed = std::random_device{}();
    std::cout << "wheel seed " << seed << '\n';
    std::mt19937_64 random{seed};
    const auto some = [&](std::uint64_t below) { return static_cast<std::int64_t>(random() % below); };
    const duration spans[] = {1ns, 1ms, 300ms, 20s, 20min, 100h};

    wheel w{start};
    time_point now = start;
    std::vector<std::unique_ptr<probe>> entries(200);
    for (auto& e : entries)
        e = std::make_unique<probe>();
    std::map<const probe*, time_point> expected;
    for (int step = 0; step < 200'000; ++step) {
        probe& e = *entries[static_cast<std::size_t>(some(entries.size()))];
        const duration span = spans[some(6)];
        switch (some(4)) {
        case 0:
        case 1: {
            const time_point at = now + duration{some(static_cast<std::uint64_t>(span.count()) * 3) + 1};
            w.arm(e, at);
            const auto known = expected.find(&e);
            if (known == expected.end() || at < known->second)
                expected[&e] = at;
            break;
        }
        case 2:
            w.cancel(e);
            expected.erase(&e);
            break;
        case 3: {
            now += duration{some(static_cast<std::uint64_t>(span.count()))} / (1 + some(50));
            w.advance(now);
            for (auto at = expected.begin(); at != expected.end();) {
                const bool due = at->second <= now;
                const bool seen = at->first->linked_at() == time_point::max();
                BOOST_TEST_REQUIRE(due == seen);
                at = due ? expected.erase(at) : std::next(at);
            }
            break;
        }
        }
        if (!expected.empty() && step % 16 == 0) {
            time_point first = time_point::max();
            for (const auto& [entry, at] : expected)
                first = std::min(first, at);
            BOOST_TEST_REQUIRE((w.next() <= first + 5ms));
        }
        BOOST_TEST_REQUIRE(w.size() == expected.size());
    }
}
