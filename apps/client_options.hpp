// The options that every client takes, and how it connects with them.
#ifndef HAWSER_APPS_CLIENT_OPTIONS_HPP
#define HAWSER_APPS_CLIENT_OPTIONS_HPP

#include "command_line.hpp"

#include <hawser/connect.hpp>

namespace app {

class client_options
{
public:
    /// Declares --timeout, --source and -v.
    explicit client_options(command_line& line);
    client_options(const client_options&) = delete;
    client_options& operator=(const client_options&) = delete;

    /// Connects, and says so with -v. The options have to outlive it.
    hawser::awaitable<hawser::connection> connect(hawser::endpoint where) const;

    /// Throws the failure that names the peer, the error's symbol, and what may be the cause; or usage_error, if the
    /// peer cannot be connected to in this way.
    [[noreturn]] void fail(const hawser::endpoint& peer, const hawser::system_error& error) const;

private:
    hawser::connect_options options_;
    bool verbose_ = false;
};

} // namespace app

#endif
