// SPDX-License-Identifier: BSL-1.0

// A listening socket by itself: for programs that want the accept loop in their own hands. server stands on it.
#ifndef HAWSER_ACCEPTOR_HPP
#define HAWSER_ACCEPTOR_HPP

#include <hawser/connection.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/listen_options.hpp>
#include <hawser/runtime.hpp>

namespace hawser::inline v0_1 {

/// Bind, listen, accept. Belongs to one loop of a runtime: use it from there, or before the runtime starts.
class HAWSER_EXPORT acceptor
{
public:
    /// On loop `index` of the runtime, where the connections that it accepts live too.
    explicit acceptor(runtime& r, unsigned index = 0);
    acceptor(const acceptor&) = delete;
    acceptor& operator=(const acceptor&) = delete;
    ~acceptor();

    /// Binds to a numeric address (or name with one address) or path, or takes one inherited socket (fd:N,
    /// systemd:NAME), without TLS. Throws endpoint_error naming it.
    void bind(const endpoint& where, const listen_options& options = {});

    /// Listens; options as in bind(). Throws endpoint_error.
    void listen();

    /// Before bind: tcp://:0. After: the real address and port.
    endpoint local_endpoint() const;

    /// The next connection. Waits at most `timeout`: errc::accept_timeout. Connections that ended in the queue are
    /// passed over; other errors are thrown with the kernel's code (EMFILE, ...), and accept may be called again.
    /// Cancelling it loses no connection. One accept at a time.
    awaitable<connection> accept(duration timeout = never);

    void close() noexcept; ///< ends a waiting accept with operation_aborted

private:
    struct HAWSER_HIDDEN impl;
    std::unique_ptr<impl> impl_;
};

} // namespace hawser::inline v0_1

#endif
