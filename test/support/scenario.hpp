// SPDX-License-Identifier: BSL-1.0

// Worlds for Hawser's own tests: those of the test kit, and what only they look at, the inside of loops and
// connections.
//
//     scenario run;
//     auto [connection, p] = run.connect({.high_water = 100, .low_water = 50});
//     auto read = run.start(connection.read_frame());
//     p.send(frame("hello"));
//     BOOST_TEST(text(read) == "hello");
//     BOOST_TEST(run.loop().blocks().in_use() == 4096u);
#ifndef HAWSER_TEST_SCENARIO_HPP
#define HAWSER_TEST_SCENARIO_HPP

#include "connection/core.hpp"
#include "kit_namespace.hpp"
#include "loop/runtime_core.hpp"
#include "transport/memory_link.hpp"

#include <hawser/test/world.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace hawser::test {

class scenario : public world
{
public:
    using world::world;

    detail::loop& loop() noexcept { return detail::runtime_access::get(runtime()).first(); }

    /// A connection with a scripted peer.
    std::pair<connection, peer> connect(const detail::settings& settings = {});

    /// Two connections with each other.
    std::pair<connection, connection> connect_pair(const detail::settings& settings = {});

    /// The same, with what joins them: sides 0 and 1.
    std::tuple<connection, connection, std::shared_ptr<detail::memory_link>>
    connect_both(const detail::settings& settings);
};

/// A scenario about sessions.
class server_scenario : public scenario
{
public:
    explicit server_scenario(server_options options = {}) : scenario{std::move(options)} { server(); }

    peer open(session_handler handler, const hawser::framing& framing = framing::u32_be)
    {
        return world::open(std::move(handler), listen_options{.framing = framing});
    }
    /// The client's bytes are there before the session begins.
    peer open(session_handler handler, bytes_view sent) { return world::open(std::move(handler), sent); }
};

} // namespace hawser::test

#endif
