// SPDX-License-Identifier: BSL-1.0

// Blocking sockets without the library, as the models of bench_models.hpp use them: listeners that a signal ends.
#ifndef HAWSER_APPS_BENCH_SERVER_PLAIN_SOCKETS_HPP
#define HAWSER_APPS_BENCH_SERVER_PLAIN_SOCKETS_HPP

#include <hawser/endpoint.hpp>
#include <hawser/time.hpp>

#include <poll.h>

#include <optional>
#include <string_view>
#include <vector>

namespace app {

/// Listening sockets. From the first SIGINT or SIGTERM on nothing is accepted any more; the second ends the process
/// with status 1. One object per process.
class plain_listeners
{
public:
    /// Binds and listens at every address of each endpoint, and takes the two signals. A connection that neither sends
    /// nor takes anything for `idle` fails to read or to write. Throws hawser::endpoint_error, and usage_error for an
    /// endpoint of another kind than tcp:// and unix:.
    plain_listeners(const std::vector<hawser::endpoint>& where, int backlog, hawser::duration idle);
    plain_listeners(const plain_listeners&) = delete;
    plain_listeners& operator=(const plain_listeners&) = delete;
    ~plain_listeners();

    /// Prints `listening on ENDPOINT` for each socket.
    void announce() const;

    /// The next connection, a blocking socket that is the caller's; nothing once a signal was caught.
    std::optional<int> accept();

    /// Closes this process's sockets, in the child of a fork.
    void close() noexcept;

    /// SIGINT or SIGTERM, by its name, once accept() has given nothing.
    static std::string_view caught() noexcept;

private:
    void listen(const hawser::endpoint& where, int backlog, hawser::duration idle);
    void end() noexcept;

    std::vector<pollfd> sockets_;
    std::vector<hawser::endpoint> real_;
};

/// While it exists, the first signal ends the reading of a connection: what has arrived is still read, then its end.
class ends_reading
{
public:
    explicit ends_reading(int peer) noexcept;
    ends_reading(const ends_reading&) = delete;
    ends_reading& operator=(const ends_reading&) = delete;
    ~ends_reading();
};

/// Waits until all of it is taken; false if the peer has gone or takes nothing.
bool send_all(int peer, std::string_view bytes) noexcept;

} // namespace app

#endif
