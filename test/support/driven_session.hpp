// SPDX-License-Identifier: BSL-1.0

// A session of a server that does what it is told, event by event, with a peer that does too: what
// connection_model.hpp is compared with. It has a server of its own, in a world that many sessions share.
#ifndef HAWSER_TEST_DRIVEN_SESSION_HPP
#define HAWSER_TEST_DRIVEN_SESSION_HPP

#include "connection_events.hpp"
#include "kit_namespace.hpp"
#include "moments.hpp"
#include "scenario.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hawser::test {

class driven_session
{
public:
    explicit driven_session(scenario& run);

    /// Begins an event that takes no time, or takes one step; run() ends it.
    void begin(event e);
    void run();
    sight look();
    void forget_outcomes()
    {
        for (auto& of : outcomes_)
            of.clear();
    }

    /// What is wrong once it is over: what has stayed behind, or was told twice; empty if nothing.
    std::string left_behind(bool drained);

private:
    awaitable<void> serve(connection& c);
    awaitable<void> carry_out(hand by, event what);
    awaitable<void> operate(hand by, event what, outcome& o);
    void send(std::size_t end);
    hawser::detail::memory_link::direction& inbound() { return link_->from(1); }
    hawser::detail::memory_link::direction& outbound() { return link_->from(0); }

    scenario& run_;
    std::shared_ptr<recorder> seen_ = std::make_shared<recorder>();
    std::optional<hawser::server> server_;
    std::shared_ptr<hawser::detail::memory_link> link_;
    connection* connection_ = nullptr;

    // The peer.
    std::string received_;
    unsigned frames_begun_ = 0;
    std::size_t of_frame_ = 0;
    bool reads_ = true;
    bool reset_ = false; // by itself

    // The handler, and the coroutine beside it.
    std::array<std::vector<outcome>, hands> outcomes_;
    std::array<unsigned, hands> written_{};
    std::array<std::string, hands> texts_;
    event command_ = event::count;
    moments commanded_{run_.loop()};
    bool cancelled_ = false; // by the test, and not by a cut
    std::exception_ptr last_thrown_;
    bool other_runs_ = false;
    moments other_done_{run_.loop()};
    boost::asio::cancellation_signal other_cancellation_;
};

} // namespace hawser::test

#endif
