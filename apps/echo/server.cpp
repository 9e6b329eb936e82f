// SPDX-License-Identifier: BSL-1.0

// echo_server: sends back what it receives, as bytes or frame by frame.
#include "common/log.hpp"
#include "common/program.hpp"
#include "common/serve.hpp"
#include "common/server_options.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"

#include <hawser/server.hpp>

#include <atomic>

namespace {

void hint(hawser::bytes_view first_bytes)
{
    static std::atomic_flag given;
    if (hawser::looks_like(first_bytes) == "HTTP" && !given.test_and_set())
        app::log("this looks like HTTP; bench_server answers ab and wrk");
}

hawser::awaitable<void> echo_bytes(hawser::connection& peer)
{
    auto bytes = co_await peer.read_some();
    hint(bytes.value_or(""));
    while (bytes) {
        co_await peer.write(*bytes);
        bytes = co_await peer.read_some();
    }
}

hawser::awaitable<void> echo_frames(hawser::connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

// The same two, with a line for everything.

hawser::awaitable<void> tell_bytes(hawser::connection& peer)
{
    const std::string name = peer.peer_endpoint().short_string();
    app::log("connected by " + name);
    auto bytes = co_await peer.read_some();
    hint(bytes.value_or(""));
    while (bytes) {
        app::log("echoing " + app::shown(*bytes) + " to " + name);
        co_await peer.write(*bytes);
        bytes = co_await peer.read_some();
    }
    app::log("closing connection to " + name);
}

hawser::awaitable<void> tell_frames(hawser::connection& peer)
{
    const std::string name = peer.peer_endpoint().short_string();
    app::log("connected by " + name);
    while (auto frame = co_await peer.read_frame()) {
        app::log("echoing " + app::shown(*frame) + " to " + name);
        co_await peer.write_frame(*frame);
    }
    app::log("closing connection to " + name);
}

hawser::session_handler handler(app::mode mode, bool quiet)
{
    if (mode == app::mode::frames)
        return quiet ? echo_frames : tell_frames;
    return quiet ? echo_bytes : tell_bytes;
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{
        "echo_server",
        "Sends back what it receives.",
        {.form = "[ENDPOINT...]", .meaning = "ENDPOINT: where to listen (default: tcp://127.0.0.1:65432)"}};
    auto mode = app::mode::bytes;
    app::add_mode(line, mode);
    app::server_options options{line};
    options.add_frame_limit(line);

    return app::run_server(line, argc, argv, [&] {
        const auto endpoints = app::read_endpoints(line.arguments(), "tcp://127.0.0.1:65432");
        if (options.has_frame_limit() && mode == app::mode::bytes)
            throw app::usage_error{"--frame-limit: expected --mode frames with it, got bytes"};
        options.begin(endpoints);

        hawser::runtime runtime{options.runtime()};
        hawser::server server{runtime, options.server()};
        for (const auto& where : endpoints)
            server.listen(where, handler(mode, options.quiet()), options.listen(where));
        return app::serve(runtime, server, options);
    });
}
