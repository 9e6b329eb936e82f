// SPDX-License-Identifier: BSL-1.0

// The options that every server takes, and what it does with them at its start.
#ifndef HAWSER_APPS_COMMON_SERVER_OPTIONS_HPP
#define HAWSER_APPS_COMMON_SERVER_OPTIONS_HPP

#include "common/command_line.hpp"

#include <hawser/datagram.hpp>
#include <hawser/server.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace app {

/// What a server follows that has blocking sockets instead of Hawser's.
struct plain_options {
    hawser::duration idle;
    hawser::duration drain;
    int backlog;
};

class server_options
{
public:
    /// Declares --threads, --max-connections, --per-address, --data-limit, --backlog, --when-full, --no-shed,
    /// --reuse-port, --idle, --drain, --cert, --key, --admin, --quiet and -v.
    explicit server_options(command_line& line);
    server_options(const server_options&) = delete;
    server_options& operator=(const server_options&) = delete;

    /// Declares --frame-limit, for a server that speaks frames.
    void add_frame_limit(command_line& line);
    bool has_frame_limit() const noexcept { return frame_limit_.has_value(); }

    /// Declares --datagram-rate, for a server that answers datagrams.
    void add_datagram_rate(command_line& line);

    bool quiet() const noexcept { return quiet_; }
    bool verbose() const noexcept { return verbose_; }

    /// Raises the descriptor limit, and logs what a user should know before it begins; with a tls:// endpoint, blocks
    /// SIGHUP for serve(). Throws usage_error for options that contradict each other or the endpoints. Comes before any
    /// other thread, and before the runtime is made.
    void begin(const std::vector<hawser::endpoint>& where) const;

    // For the constructors of runtime and server. The server's events go to the log.
    hawser::runtime_options runtime() const;
    hawser::server_options server() const;

    /// For listen() at one of the endpoints that begin() was given.
    hawser::listen_options listen(const hawser::endpoint& where) const;

    /// The same for datagrams, of which each is answered with at most so many bytes.
    hawser::datagram_options listen_to_datagrams(std::size_t max_answer) const;

    /// Where the server is to be looked at, if it is; for serve().
    const std::optional<hawser::endpoint>& admin() const noexcept { return admin_; }

    /// Throws usage_error if an option was given that only Hawser's own server follows; `needed` is what it asks for.
    plain_options plain(const std::string& needed) const;

private:
    void check_pair(const std::vector<hawser::endpoint>& where) const;

    unsigned threads_ = 0;
    hawser::limits limits_;
    hawser::timeouts timeouts_;
    hawser::datagram_options datagrams_;
    std::optional<int> backlog_;
    hawser::when_full when_full_ = hawser::when_full::wait;
    bool no_shed_ = false;
    bool reuse_port_ = false;
    std::optional<std::uint32_t> frame_limit_;
    std::optional<std::string> certificate_;
    std::optional<std::string> key_;
    std::optional<hawser::endpoint> admin_;
    bool quiet_ = false;
    bool verbose_ = false;
};

} // namespace app

#endif
