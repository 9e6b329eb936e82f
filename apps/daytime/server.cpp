// SPDX-License-Identifier: BSL-1.0

// daytime_server: says what time it is (RFC 867), in UTC, to whoever connects.
#include "common/program.hpp"
#include "common/serve.hpp"
#include "common/server_options.hpp"
#include "common/values.hpp"
#include "daytime/daytime.hpp"

#include <hawser/server.hpp>

namespace {

hawser::awaitable<void> say_time(hawser::connection& peer)
{
    using namespace std::chrono;
    const std::string line = app::daytime_line(floor<seconds>(system_clock::now()));
    co_await peer.write(line);
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{
        "daytime_server",
        "Says what time it is, in one line and in UTC, to whoever connects (RFC 867).",
        {.form = "[ENDPOINT...]", .meaning = "ENDPOINT: where to listen (default: tcp://127.0.0.1:10013)"}};
    app::server_options options{line};

    return app::run_server(line, argc, argv, [&] {
        const auto endpoints = app::read_endpoints(line.arguments(), "tcp://127.0.0.1:10013");
        options.begin(endpoints);

        hawser::runtime runtime{options.runtime()};
        hawser::server server{runtime, options.server()};
        for (const auto& where : endpoints)
            server.listen(where, say_time, options.listen(where));
        return app::serve(runtime, server, options);
    });
}
