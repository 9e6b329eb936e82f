// SPDX-License-Identifier: BSL-1.0

// A listener as its server knows it, whatever it listens for: connections, or, above this folder, datagrams.
#ifndef HAWSER_SRC_SERVER_ANY_LISTENER_HPP
#define HAWSER_SRC_SERVER_ANY_LISTENER_HPP

#include <hawser/endpoint.hpp>

#include <cstddef>

namespace hawser::inline v0_1::detail {

class loop;

class any_listener
{
public:
    any_listener() = default;
    any_listener(const any_listener&) = delete;
    any_listener& operator=(const any_listener&) = delete;
    virtual ~any_listener() = default;

    // ---- From any thread

    /// The real address, after the listener has closed too.
    virtual const endpoint& where() const noexcept = 0;
    /// The loop that it listens on.
    virtual loop& on() const noexcept = 0;
    virtual bool over_tls() const noexcept { return false; }
    /// Handlers of its own that run now: sessions are counted by the server.
    virtual std::size_t handlers() const noexcept { return 0; }
    virtual bool suspended() const noexcept = 0; ///< it is to be
    virtual void suspend(bool on) noexcept = 0;

    // Each is carried out on the listener's loop, and cannot fail.
    virtual void post_start() noexcept = 0;
    virtual void post_drain() noexcept = 0; ///< takes what is queued, if that is to be served, and closes
    virtual void post_cut() noexcept = 0;   ///< behind that: closes at once, or cuts the handlers of its own
    virtual void post_close() noexcept = 0; ///< closes, and lets them end
    virtual void post_resume() noexcept {}  ///< a permit is free again

    // ---- On its loop

    /// -1 once it has closed.
    virtual int socket() const noexcept = 0;
};

} // namespace hawser::inline v0_1::detail

#endif
