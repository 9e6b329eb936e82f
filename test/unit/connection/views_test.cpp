// SPDX-License-Identifier: BSL-1.0

// How long the memory of a view may be used: until the next read, or until its connection is destroyed. From then on
// AddressSanitizer reports whoever uses it, where the build has it.
#include <hawser/connection.hpp>

#include "loop/poison.hpp"
#include "scenario.hpp"

#define BOOST_TEST_MODULE views
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <optional>
#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;

namespace {

const std::string said = "what a peer sent, which is longer than some of the entries of a map of memory";

enum class memory : std::uint8_t { usable, partly_poisoned, poisoned };

std::ostream& operator<<(std::ostream& out, memory m)
{
    return out << (m == memory::usable ? "usable" : m == memory::poisoned ? "poisoned" : "partly poisoned");
}

// Of the bytes that fill entries of AddressSanitizer's map, 8 bytes each.
memory memory_of(bytes_view v)
{
    std::size_t all = 0;
    std::size_t poisoned = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
        const auto at = reinterpret_cast<std::uintptr_t>(v.data() + i);
        const auto entry = at / 8 * 8;
        if (entry < reinterpret_cast<std::uintptr_t>(v.data()) ||
            entry + 8 > reinterpret_cast<std::uintptr_t>(v.data() + v.size()))
            continue;
        ++all;
        poisoned += detail::is_poisoned(v.data() + i) ? 1U : 0U;
    }
    BOOST_TEST_REQUIRE(all > 0u);
    return poisoned == 0 ? memory::usable : poisoned == all ? memory::poisoned : memory::partly_poisoned;
}

constexpr memory ended = detail::poisons ? memory::poisoned : memory::usable;

awaitable<std::optional<bytes_view>> as_frame(connection& c)
{
    return c.read_frame();
}
awaitable<std::optional<bytes_view>> as_one_of_many(connection& c)
{
    const auto all = co_await c.read_frames();
    if (!all)
        co_return std::nullopt;
    co_return *all->begin();
}
awaitable<std::optional<bytes_view>> as_some(connection& c)
{
    return c.read_some();
}
awaitable<std::optional<bytes_view>> as_so_many_bytes(connection& c)
{
    return c.read_exactly(frame(said).size());
}
awaitable<std::optional<bytes_view>> in_place(connection& c)
{
    co_await c.fill(0);
    const bytes_view unit = c.buffered().substr(0, frame(said).size());
    c.consume(unit.size());
    co_return unit;
}

const struct {
    const char* name;
    awaitable<std::optional<bytes_view>> (*read)(connection& c);
} reads[] = {{"frame", as_frame},
             {"frames", as_one_of_many},
             {"some", as_some},
             {"so many bytes", as_so_many_bytes},
             {"in place", in_place}};

} // namespace

BOOST_AUTO_TEST_CASE(a_view_may_be_used_until_the_next_read_and_no_longer)
{
    for (const auto& [name, read] : reads) {
        for (const std::size_t part : {0U, 1U, 5U}) { // of the next frame, which is there already
            BOOST_TEST_CONTEXT(name << ", and " << part << " bytes")
            {
                scenario run;
                auto [c, p] = run.connect();
                p.send(frame(said) + frame("more").substr(0, part));
                const auto first = run.start(read(c));
                BOOST_TEST_REQUIRE(first.outcome() == "done");
                const bytes_view view = *first.value();
                run.advance(10s);
                BOOST_TEST(memory_of(view) == memory::usable);
                BOOST_TEST((view.find(said) != bytes_view::npos));
                const bool took_part = view.size() > frame(said).size();
                const auto second = run.start(c.read_frame());
                BOOST_TEST(second.outcome() == "suspended"); // nothing has taken the place of what was read
                BOOST_TEST(memory_of(view) == ended);
                p.send(frame("more").substr(took_part ? 0 : part));
                BOOST_TEST(text(second) == "more");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_smaller_leaves_the_rest_of_an_ended_view_poisoned)
{
    scenario run;
    auto [c, p] = run.connect();
    p.send(frame(said + said));
    const auto first = run.start(c.read_frame());
    const bytes_view view = *first.value();
    const auto second = run.start(c.read_frame());
    p.send(frame("short"));
    BOOST_TEST(text(second) == "short");
    BOOST_TEST((second.value()->data() == view.data()));
    BOOST_TEST(memory_of(view.substr(16)) == ended);
}

BOOST_AUTO_TEST_CASE(the_destruction_of_a_connection_ends_its_views)
{
    scenario run;
    std::optional<connection> c;
    auto [made, p] = run.connect();
    c.emplace(std::move(made));
    p.send(frame(said));
    const auto read = run.start(c->read_frame());
    const bytes_view view = *read.value();
    BOOST_TEST(memory_of(view) == memory::usable);
    c.reset();
    BOOST_TEST(run.loop().blocks().in_use() == 0u);
    BOOST_TEST(memory_of(view) == ended);
    auto [next, q] = run.connect(); // which gets the same block
    q.send(frame(said));
    const auto again = run.start(next.read_frame());
    BOOST_TEST((again.value()->data() == view.data()));
    BOOST_TEST(memory_of(view) == memory::usable);
}

BOOST_AUTO_TEST_CASE(the_return_of_a_handler_ends_its_views)
{
    server_scenario run;
    bytes_view view;
    peer p = run.open([&view](connection& c) -> awaitable<void> {
        const auto frame = co_await c.read_frame();
        view = *frame;
        BOOST_TEST(memory_of(view) == memory::usable);
    });
    p.send(frame(said));
    BOOST_TEST(view.size() == said.size());
    BOOST_TEST(memory_of(view) == ended);
}
