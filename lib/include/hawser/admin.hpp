// SPDX-License-Identifier: BSL-1.0

// A live view of a server, over HTTP: every socket with its queues, its state and what its session waits for; counts
// for Prometheus; health; drain.
//
//     hawser::server server{runtime};
//     server.listen("tcp://127.0.0.1:7000", echo);
//     hawser::admin admin{server, "127.0.0.1:9090"};
//     return hawser::run(runtime, server);
//
//     GET  /connections   one row a socket, as `netstat -an` has them and more; JSON with `Accept: application/json`
//     GET  /metrics       Prometheus text
//     GET  /health        200 ready, 503 draining or without a listener
//     POST /drain         begins the drain; on a Unix socket only, which nobody but its user can reach
//
// In /connections, what a session waits for has a time ("For", waiting_ms) as long as it is something of its
// connection's: input, room for its output, a handshake, the peer's end. Of `nothing` there is none: the handler runs,
// or waits for something else, and to note since when would cost every message, looked at or not; the watchdog reports
// a handler that keeps its loop. How long a connection has been idle ("Idle", idle_ms) the kernel says for TCP, to the
// millisecond; for a Unix socket it says nothing, and it is known only while the session waits for input. Both are
// shown as `-`, or null.
//
// The endpoint runs on a runtime of its own, one loop and one server: its connections take none of the served server's
// permits and are not in its counts, it answers while every loop of the server is busy, and it stays until the
// drain has ended, to say so. Nothing is gathered until somebody asks.
//
// A page on the web can make a browser ask what listens on this machine, by a name of its own that it lets point here
// (DNS rebinding). So a request whose Host is neither an address nor localhost is refused with 403.
//
// In a target of its own, hawser::admin, as it needs prometheus-cpp.
#ifndef HAWSER_ADMIN_HPP
#define HAWSER_ADMIN_HPP

#include <hawser/detail/export.hpp>
#include <hawser/endpoint.hpp>
#include <hawser/server.hpp>

#include <memory>
#include <vector>

namespace hawser::inline v0_1 {

/// The admin endpoint of one server. Every function may be called from any thread.
class HAWSER_EXPORT admin
{
public:
    /// Listens at `where`, tcp:// or unix:, and answers at once, from a thread of its own. A Unix socket's file is for
    /// its owner alone (mode 0600). `s` and its runtime must outlive the admin. Throws endpoint_error naming the
    /// endpoint, hawser::error if the kernel gives no descriptor, and std::system_error if it gives no thread.
    admin(server& s, const endpoint& where);
    admin(const admin&) = delete;
    admin& operator=(const admin&) = delete;

    /// Answers what has been asked, for at most 1 s, closes and ends its threads.
    ~admin();

    /// Where it listens, with the real ports: more than one if the host has several addresses.
    std::vector<endpoint> endpoints() const;

private:
    class HAWSER_HIDDEN impl;
    std::unique_ptr<impl> impl_;
};

} // namespace hawser::inline v0_1

#endif
