// SPDX-License-Identifier: BSL-1.0

// One connection's place in a server: a permit, and what it is counted under as soon as that is known.
//
//     take()                 before accept4, so that the limit is hard
//       --> assign(loop)     the connection was accepted, and will live on that loop
//       --> enter(peer)      it is there, and its address has not all that it may have
//       --> destroyed        what it has goes back, whatever went wrong on the way
//
// From any thread, one after the other.
#ifndef HAWSER_SRC_SERVER_PERMIT_HPP
#define HAWSER_SRC_SERVER_PERMIT_HPP

#include "server/admission.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace hawser::inline v0_1::detail {

class address;
class ledger;
class loop;

class permit
{
public:
    /// None: all that the server gives are taken.
    static std::optional<permit> take(std::shared_ptr<ledger> of) noexcept;

    permit(permit&& other) noexcept = default; // nothing is left to be given back by the other one
    permit& operator=(permit&&) = delete;
    ~permit() { give_back(); }

    /// Counts it on the loop. Once.
    void assign(loop& on) noexcept;
    /// Counts it among those of its peer's address; false: that has all it may have. Once. Throws std::bad_alloc.
    bool enter(const address& peer);
    /// For whoever does something that has to come after it.
    void give_back() noexcept;

private:
    explicit permit(std::shared_ptr<ledger> of) noexcept : ledger_{std::move(of)} {}

    std::shared_ptr<ledger> ledger_; // null once it is given back
    loop* on_ = nullptr;             // from assign() on
    std::optional<admission::address_key> address_;
};

} // namespace hawser::inline v0_1::detail

#endif
