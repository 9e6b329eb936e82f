// SPDX-License-Identifier: BSL-1.0

// A server that is full, or nearly so, and sessions of each kind that may have to make room in it.
#ifndef HAWSER_TEST_CROWDED_SCENARIO_HPP
#define HAWSER_TEST_CROWDED_SCENARIO_HPP

#include "kit_namespace.hpp"
#include "scenario.hpp"
#include "server/server_core.hpp"
#include "server/session.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hawser::test {

inline constexpr bytes_view head_begun{"\0", 1};
inline constexpr bytes_view too_large{"\xff\xff\xff\xff", 4};
inline constexpr duration tick = 5ms; // of the wheel, and more

inline awaitable<void> echo(connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

// Waits for something that is not the connection's.
inline awaitable<void> wait_elsewhere(connection&)
{
    boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
    timer.expires_at(boost::asio::steady_timer::time_point::max());
    co_await timer.async_wait(boost::asio::use_awaitable);
}

inline awaitable<void> leave(connection&)
{
    co_return;
}

inline awaitable<void> write_and_leave(connection& peer)
{
    co_await peer.write_frame("what the peer does not read");
}

inline server_options of_at_most(std::size_t connections, bool shed = true)
{
    return {.limits = {.connections = connections, .shed = shed}};
}

struct crowded_scenario : server_scenario {
    explicit crowded_scenario(std::size_t limit, bool shed = true) : server_scenario{of_at_most(limit, shed)} {}

    // Sessions that begin to wait one tick after another.
    std::vector<peer> open_some(std::size_t count)
    {
        std::vector<peer> all;
        for (std::size_t i = 0; i < count; ++i) {
            advance(tick);
            all.push_back(open(echo));
        }
        return all;
    }
    std::uint64_t shed() { return server().statistics().shed; }
    std::size_t connections() { return server().statistics().connections; }
    // As it is told to end, whatever it does and however old that is.
    void shed_first()
    {
        detail::session& first = *detail::session_of(detail::connection_of(loop().connections.front()));
        first.shed(first.claims());
    }
    // In a queue of the kernel's: said to whoever makes room, if anybody does.
    void newcomers_wait()
    {
        if (detail::room_maker* const room = detail::server_access::get(server()).room())
            room->newcomers_wait(true);
    }

    // Sessions of each kind, the claim of each from now on.
    peer lingering() { return open(leave); }
    peer silent() { return open(echo); }
    peer unfinished() { return open(echo, head_begun); }
    peer idle()
    {
        peer made = open(echo, frame("x"));
        made.received();
        return made;
    }
    peer flushing()
    {
        const path before = std::exchange(outbound, {.capacity = 4});
        peer made = open(echo, frame("answered") + std::string{too_large});
        outbound = before;
        return made;
    }
    peer made(std::string_view kind)
    {
        return kind == "lingering"    ? lingering()
               : kind == "silent"     ? silent()
               : kind == "unfinished" ? unfinished()
               : kind == "flushing"   ? flushing()
                                      : idle();
    }
};

inline constexpr std::array kinds{"lingering", "silent", "unfinished", "flushing", "idle"}; // in their order

// The places of those whose sessions have ended their output. They end theirs, as clients do.
inline std::vector<std::size_t> ended(std::vector<peer>& all)
{
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].has_ended()) {
            all[i].end();
            places.push_back(i);
        }
    return places;
}

using places = std::vector<std::size_t>;

} // namespace hawser::test

#endif
