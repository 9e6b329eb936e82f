// SPDX-License-Identifier: BSL-1.0

// Names and addresses are looked up beside the loops: in four threads that all runtimes of the process share.
//
// Asio's resolver joins its thread when it is destroyed, so that one stuck look-up holds the exit past every deadline;
// these threads are never joined. A look-up can be abandoned at any time.
#ifndef HAWSER_SRC_NAMES_RESOLVER_HPP
#define HAWSER_SRC_NAMES_RESOLVER_HPP

#include "loop/wait_queue.hpp"
#include "values/address.hpp"

#include <hawser/awaitable.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hawser::inline v0_1::detail {

/// One look-up, shared by the coroutine that waits and the thread that works.
struct lookup : owned_call {
    virtual ~lookup() = default;

    /// On a thread of the pool, for as long as it takes: leaves what it finds in the object, where nobody looks before
    /// `done`.
    virtual error_code work() = 0;

    std::shared_ptr<loop> on;           // whose call of this ends the wait; null: work() itself tells those who wait
    std::atomic<bool> abandoned{false}; // nobody waits any more: if it has not begun, it need not
    waiting* node = nullptr;            // on the loop: who waits; null when nobody does any more
    bool done = false;                  // on the loop, as what follows
    error_code error;

private:
    void called() override;
};

/// A look-up that is a function.
template <class Found>
struct lookup_of final : lookup {
    explicit lookup_of(std::function<error_code(Found&)> f) : find{std::move(f)} {}
    error_code work() override { return find(found); }

    std::function<error_code(Found&)> find;
    Found found{}; // once it is done
};

constexpr std::size_t resolver_threads = 4;
constexpr std::size_t resolver_queue = 1024; // look-ups that may wait; one more is errc::resolver_busy

/// Starts a look-up; at its end `done` is set and the node woken, on its loop. Returns false if too many wait, or if
/// there is no thread to be had.
bool start_lookup(std::shared_ptr<lookup> l);

/// Starts a look-up on the awaiting loop and completes when it is done; what it found is in it then. Throws
/// system_error with the look-up's error, errc::lookup_timeout after `deadline`, errc::resolver_busy, or
/// operation_aborted when it was cancelled.
awaitable<void> finish_lookup(std::shared_ptr<lookup> l, duration deadline);

/// The addresses to connect to at a port of a host.
std::shared_ptr<lookup_of<address_list>> lookup_to_connect(std::string host, std::uint16_t port);

/// What getaddrinfo returned, as an error: EAI_SYSTEM is errno's.
error_code resolver_error(int value);

/// An error in words; Asio has them for two errors of a name look-up, and the C library for all.
std::string meaning(const error_code& e);

} // namespace hawser::inline v0_1::detail

#endif
