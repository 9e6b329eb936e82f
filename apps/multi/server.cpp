// SPDX-License-Identifier: BSL-1.0

// multi_server: echoes for many connections at once.
#include "common/log.hpp"
#include "common/program.hpp"
#include "common/serve.hpp"
#include "common/server_options.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"

#include <hawser/server.hpp>

namespace {

hawser::awaitable<void> echo(hawser::connection& peer)
{
    while (auto bytes = co_await peer.read_some())
        co_await peer.write(*bytes);
}

// The same, with a line for everything.
hawser::awaitable<void> tell(hawser::connection& peer)
{
    const std::string name = peer.peer_endpoint().short_string();
    app::log("accepted connection from " + name);
    while (auto bytes = co_await peer.read_some()) {
        app::log("echoing " + app::shown(*bytes) + " to " + name);
        co_await peer.write(*bytes);
    }
    app::log("closing connection to " + name);
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{
        "multi_server",
        "Echoes for many connections at once.",
        {.form = "HOST PORT|ENDPOINT", .meaning = "HOST PORT or ENDPOINT: where to listen", .least = 1, .most = 2}};
    app::server_options options{line};

    return app::run_server(line, argc, argv, [&] {
        const hawser::endpoint where = app::read_address(line.arguments());
        options.begin({where});

        hawser::runtime runtime{options.runtime()};
        hawser::server server{runtime, options.server()};
        server.listen(where, options.quiet() ? echo : tell, options.listen(where));
        return app::serve(runtime, server, options);
    });
}
