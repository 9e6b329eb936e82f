// SPDX-License-Identifier: BSL-1.0

// A server: listeners, limits, sessions, and a drain that answers what has arrived. Start here.
//
//     hawser::runtime runtime;
//     hawser::server server{runtime};
//     server.listen("tcp://127.0.0.1:7000", handler);   // awaitable<void> handler(connection&)
//     return hawser::run(runtime, server);
#ifndef HAWSER_SERVER_HPP
#define HAWSER_SERVER_HPP

#include <hawser/connection.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/listen_options.hpp>
#include <hawser/observer.hpp>
#include <hawser/options.hpp>
#include <hawser/runtime.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace hawser::inline v0_1 {

namespace detail {
class any_listener;
class server_core;
struct server_access;
} // namespace detail

/// A session: from a connection to its end. A capturing lambda is safe; the session shares it. When it returns, the
/// output is flushed and the stream ended, and input is dropped until the peer's end, 2 s of silence, or 30 s in all.
/// When it throws, what it has written before is sent all the same, and the stream ended; a part of an answer ends in a
/// reset instead (README, "How a session ends"). Runs on the connection's loop, several at a time on different loops.
using session_handler = std::function<awaitable<void>(connection&)>;

/// What a server may be told.
struct server_options {
    hawser::limits limits = {};     ///< what it may hold
    hawser::timeouts timeouts = {}; ///< how long it waits, unless a listener says otherwise

    /// Receives the server's events; unset: a log_observer that writes to standard error.
    std::shared_ptr<hawser::observer> observer = nullptr;
};

/// Counts of one server over all its loops, at one instant.
struct server_statistics {
    std::size_t connections = 0;         ///< open now
    std::uint64_t accepted = 0;          ///< in its life
    std::uint64_t completed = 0;         ///< sessions whose handler returned, or that were shed
    std::uint64_t shed = 0;              ///< of these: ended to make room for others
    std::uint64_t failed = 0;            ///< sessions that ended in any other way
    std::uint64_t refused = 0;           ///< connections over a limit, or without resources
    std::uint64_t accept_errors = 0;     ///< times that accept failed
    std::size_t datagram_handlers = 0;   ///< running now
    std::uint64_t datagrams_in = 0;      ///< given to a handler
    std::uint64_t datagrams_out = 0;     ///< answers
    std::uint64_t datagrams_dropped = 0; ///< over their sender's rate, too long, or more than the kernel had room for
    std::uint64_t datagrams_failed = 0;  ///< whose handler threw, or was cut
    /// By every connection and datagram of the runtime, clients' too, in its life.
    transfer_statistics carried;
};

/// The listeners of one server::listen() or listen_datagrams(), to be held back for a while. A plain value that keeps
/// nothing alive; every function may be called from any thread, also when the listeners have closed.
class HAWSER_EXPORT listener_handle
{
public:
    /// Of nothing.
    listener_handle() = default;

    /// Accepts nothing more until resume(), from the next turn of the listeners' loops on: new connections wait in the
    /// kernel's queue, as many as the backlog holds, and those that are open go on. The drain is not held back: it
    /// takes and serves what is queued, but for datagrams. Does nothing if it is suspended.
    void suspend() const;

    /// Accepts again, first what has queued up. Does nothing unless it is suspended.
    void resume() const;

    bool suspended() const noexcept; ///< between suspend() and resume()

private:
    friend class detail::server_core;
    explicit listener_handle(std::vector<std::weak_ptr<detail::any_listener>> all) noexcept : listeners_{std::move(all)}
    {}
    std::vector<std::weak_ptr<detail::any_listener>> listeners_;
};

/// Listens, accepts, runs sessions, drains. Lifecycle, one way: listening, draining, ended. Every function may be
/// called from any thread. Destroying a server closes its listeners; its open sessions go on until the runtime ends. It
/// may be destroyed after its runtime. What it shared, its observer and handlers, goes with its last session, on a loop
/// of the runtime, or with the runtime or its io_context.
class HAWSER_EXPORT server
{
public:
    /// Throws std::invalid_argument for options that are out of range or contradict each other.
    explicit server(runtime& r, server_options options = {});
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server();

    /// Binds and listens now, at each address that the endpoint's host has (port 0: one port for all), and accepts as
    /// soon as the runtime runs.
    ///
    /// A Unix socket's path is taken if there is nothing, or the file of a process that is gone, for which its folder
    /// is locked (flock) and has to be readable; of servers that begin together one gets it. If any socket is bound
    /// there, listening or not yet, it is EADDRINUSE.
    ///
    /// fd:N and systemd:NAME are sockets that the process was started with, listening or bound: they become the
    /// server's own, are made close-on-exec and non-blocking, and are closed at the drain; whoever shares them goes on.
    /// The first systemd:NAME of a process reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES and removes them from its
    /// environment, so it comes before threads that read that.
    ///
    /// Throws endpoint_error naming the endpoint, tls_error naming the file, std::invalid_argument for options that
    /// contradict each other or the endpoint, and std::logic_error once the drain has begun or the runtime
    /// has ended; then nothing of it listens.
    listener_handle listen(const endpoint& where, session_handler handler, const listen_options& options = {});
    listener_handle listen(const endpoint& where, std::nullptr_t, const listen_options& options = {}) = delete;

    /// Loads the certificates, keys and authorities of every listener anew, from their files, for the handshakes that
    /// begin after it; connections that are open keep theirs. All or nothing: throws the first tls_error, as listen()
    /// does, and then everything stays as it was. The observer is told either way. Blocks while it reads.
    void reload_tls();

    /// When the first of the listeners' own certificates expires; nothing without TLS.
    std::optional<std::chrono::system_clock::time_point> certificates_expire() const;

    /// Where it listens, with the real ports; one for all sockets that share a port (listen_options::reuse_port).
    std::vector<endpoint> endpoints() const;

    /// Begins the drain: takes the connections that the kernel has queued, closes the listeners, and asks every session
    /// to end at its next place between two frames; after timeouts.drain the rest is cut. Returns at once; later calls
    /// do nothing.
    void drain();

    /// Cuts the sessions that are still open. Drains first, if it has not begun.
    void abort();

    /// Blocks until the drain has ended, and says how it went. Not from a loop's thread, and only while the runtime
    /// runs.
    drain_report wait();

    /// Completes when the drain has ended, and says how it went: wait() for a coroutine, on any loop. Throws
    /// operation_aborted when it is cancelled. The server may be gone by then.
    awaitable<drain_report> drained() const;

    /// The report, once the drain has ended.
    std::optional<drain_report> report() const;

    server_statistics statistics() const; ///< its counts now

private:
    friend struct detail::server_access;

    std::shared_ptr<detail::server_core> core_;
};

/// Starts the runtime and blocks until the server has drained: after server.drain(), or SIGINT or SIGTERM, of which the
/// second cuts; also once every listener has failed. Returns 0 if every session ended by itself and a listener was left
/// when the drain began, else 1.
///
/// At the drain deadline each loop resets its sessions; those that have not ended 100 ms after the last of them did, or
/// 5 s after the deadline in all, are abandoned. A handler that never suspends, on a loop that stands still for 60 ms
/// though it has a processor, cannot be ended: the report names it and the process exits with 1.
///
/// A service manager that has set NOTIFY_SOCKET, as systemd does for Type=notify, is told as sd_notify(3) says: READY=1
/// once every loop accepts, STOPPING=1 when the drain begins, RELOADING=1 and READY=1 around reload_tls(), and with
/// WATCHDOG_USEC twice in that time WATCHDOG=1, unless a handler keeps one of the loops.
HAWSER_EXPORT int run(runtime& r, server& s);

/// Raises the process's soft descriptor limit to the hard one and returns it. The library never calls it by itself.
HAWSER_EXPORT std::size_t raise_descriptor_limit();

} // namespace hawser::inline v0_1

#endif
