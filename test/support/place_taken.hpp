// SPDX-License-Identifier: BSL-1.0

// One of the places in which a server's TLS handshakes may run, taken by a test.
#ifndef HAWSER_TEST_PLACE_TAKEN_HPP
#define HAWSER_TEST_PLACE_TAKEN_HPP

#include "kit_namespace.hpp"
#include "loop/handshakes.hpp"
#include "server/server_core.hpp"
#include "tls_peer.hpp"

#include <memory>
#include <utility>

namespace hawser::test {

/// Holds a place, and does not wait for a peer.
class place_taken final : public detail::waiting_handshake
{
public:
    explicit place_taken(tls_scenario& run) : places_{detail::server_access::get(run.server()).places_on(run.loop())}
    {
        places_->wait(*this);
    }
    void give_back() { std::exchange(places_, nullptr)->give(); }

private:
    void turn() override {}
    void place() noexcept override {}
    duration waits() const noexcept override { return {}; }

    std::shared_ptr<detail::handshake_places> places_;
};

} // namespace hawser::test

#endif
