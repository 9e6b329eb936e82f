// SPDX-License-Identifier: BSL-1.0

// One connection's place in a server: a permit, and its count on a loop and among those of its address.
//
// Whoever holds it has them; they are given back when it is destroyed, whatever goes wrong on the way. From any thread.
#ifndef HAWSER_SRC_SERVER_PERMIT_HPP
#define HAWSER_SRC_SERVER_PERMIT_HPP

#include "server/admission.hpp"
#include "values/address.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace hawser::detail {

class loop;
class ledger;

class permit
{
public:
    /// One that has been taken, for a connection that is counted on the loop.
    permit(std::shared_ptr<ledger> of, loop& on) noexcept : ledger_{std::move(of)}, on_{&on} {}
    permit(permit&& other) noexcept
        : ledger_{std::move(other.ledger_)}, on_{other.on_}, address_{std::exchange(other.address_, std::nullopt)}
    {}
    permit& operator=(permit&&) = delete;
    ~permit() { give_back(); }

    /// Counts it among those of its peer's address; false: that has all it may have. Throws std::bad_alloc.
    bool enter(const address& peer);
    void give_back() noexcept;

private:
    std::shared_ptr<ledger> ledger_; // null once it is given back
    loop* on_;
    std::optional<admission::address_key> address_;
};

} // namespace hawser::detail

#endif
