// The options that every server takes, and what it does with them at its start.
#ifndef HAWSER_APPS_SERVER_OPTIONS_HPP
#define HAWSER_APPS_SERVER_OPTIONS_HPP

#include "command_line.hpp"

#include <hawser/server.hpp>

#include <cstdint>
#include <optional>

namespace app {

class server_options
{
public:
    /// Declares --threads, --max-connections, --per-address, --max-data, --backlog, --idle, --drain, --quiet and -v.
    explicit server_options(command_line& line);
    server_options(const server_options&) = delete;
    server_options& operator=(const server_options&) = delete;

    /// Declares --frame-limit, for a server that speaks frames.
    void add_frame_limit(command_line& line);
    bool has_frame_limit() const noexcept { return frame_limit_.has_value(); }

    bool quiet() const noexcept { return quiet_; }

    /// Raises the descriptor limit, and logs what a user should know before it begins. Throws usage_error for options
    /// that contradict each other. Comes before the runtime is made.
    void begin() const;

    // For the constructors of runtime and server, and for listen(). The server's events go to the log.
    hawser::runtime_options runtime() const;
    hawser::server_options server() const;
    hawser::listen_options listen() const;

private:
    unsigned threads_ = 0;
    hawser::limits limits_;
    hawser::timeouts timeouts_;
    std::optional<int> backlog_;
    std::optional<std::uint32_t> frame_limit_;
    bool quiet_ = false;
    bool verbose_ = false;
};

/// Prints `listening on ENDPOINT` for each socket of the server, as soon as the runtime runs: whoever reads the line may
/// connect, and may send a signal. The server has to outlive that.
void announce(hawser::runtime& runtime, const hawser::server& server);

} // namespace app

#endif
