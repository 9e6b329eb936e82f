// SPDX-License-Identifier: BSL-1.0

// The options that every client takes, and how it connects with them.
#ifndef HAWSER_APPS_COMMON_CLIENT_OPTIONS_HPP
#define HAWSER_APPS_COMMON_CLIENT_OPTIONS_HPP

#include "common/command_line.hpp"

#include <hawser/connect.hpp>
#include <hawser/http/client.hpp>

#include <optional>

namespace app {

/// What every client takes, however it connects.
class source_options
{
public:
    /// Declares --source and -v.
    explicit source_options(command_line& line);
    source_options(const source_options&) = delete;
    source_options& operator=(const source_options&) = delete;

    bool verbose() const noexcept { return verbose_; }
    /// Numeric; unset: the kernel's choice.
    const std::optional<std::string>& source() const noexcept { return source_; }

    /// With -v, a line on standard error that says who is connected to whom.
    void say_connected(const std::string& from, const std::string& to) const;

private:
    std::optional<std::string> source_;
    bool verbose_ = false;
};

class client_options : public source_options
{
public:
    /// Declares --timeout and --cacert too.
    explicit client_options(command_line& line);
    /// The same for a client that has another meaning of --timeout.
    client_options(command_line& line, const std::string& timeout_meaning);
    /// The same for a client of HTTP, which is given a URL. `defaults` are for --help.
    client_options(command_line& line, const hawser::http::client_options& defaults);
    /// Throws usage_error if the options do not fit the peer, as connect() does.
    void check(const hawser::endpoint& where) const;

    /// Connects, and says so with -v. The options have to outlive it. Throws usage_error if they do not fit the peer.
    hawser::awaitable<hawser::connection> connect(hawser::endpoint where) const;

    /// As it was given.
    const std::optional<hawser::duration>& timeout() const noexcept { return timeout_; }

    /// Throws the failure that names the peer, the error's symbol, and what may be the cause; or usage_error, if the
    /// peer cannot be connected to in this way.
    [[noreturn]] void fail(const hawser::endpoint& peer, const hawser::system_error& error) const;

    /// After the command line was read: changes what it changes. This has to outlive the requests made with `options`.
    void set(hawser::http::client_options& options) const;

private:
    void declare(command_line& line, const std::string& timeout);
    void say_peer(const hawser::connection& peer) const;

    hawser::connect_options options_;         ///< without the source
    std::optional<hawser::duration> timeout_; ///< as it was given
};

} // namespace app

#endif
