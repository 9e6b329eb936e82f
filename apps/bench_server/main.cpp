// SPDX-License-Identifier: BSL-1.0

// bench_server: the same small server in four models, for ab and wrk to compare.
#include "bench_server/models.hpp"
#include "common/program.hpp"
#include "common/serve.hpp"
#include "common/server_options.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"

#include <hawser/http/server.hpp>
#include <hawser/server.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

namespace {

enum class model { async, threads, processes, blocking };

constexpr std::array models{std::pair{"async", model::async}, std::pair{"threads", model::threads},
                            std::pair{"processes", model::processes}, std::pair{"blocking", model::blocking}};
constexpr std::array replies{std::pair{"hello", app::reply::hello}, std::pair{"echo", app::reply::echo}};

template <class Choices, class Choice>
void add_choice(app::command_line& line, const char* option, const char* value, const char* meaning,
                const Choices& choices, Choice& chosen)
{
    line.add_value(option, value, meaning, [&choices, &chosen, value](const std::string& text) {
        for (const auto& [name, choice] : choices)
            if (text == name) {
                chosen = choice;
                return;
            }
        throw app::usage_error{std::string{"expected "} + value + ", got " + app::shown(text)};
    });
}

// Not a coroutine: what one would only await is returned.
hawser::awaitable<void> hello(hawser::http::request&, hawser::http::response& response)
{
    response.set("Content-Type", "text/plain");
    return response.send("Hello, World!");
}

hawser::awaitable<void> echo(hawser::connection& peer)
{
    if (auto bytes = co_await peer.read_some())
        co_await peer.write(bytes->substr(0, app::echo_size));
}

int serve_async(const app::server_options& options, const std::vector<hawser::endpoint>& endpoints, app::reply what)
{
    hawser::runtime runtime{options.runtime()};
    hawser::server server{runtime, options.server()};
    for (const auto& where : endpoints) {
        auto listening = options.listen(where);
        if (listening.tls && what == app::reply::hello)
            listening.tls->alpn = {"http/1.1", "http/1.0"};
        server.listen(where, what == app::reply::hello ? hawser::http::serve(hello) : echo, listening);
    }
    return app::serve(runtime, server, options);
}

std::size_t serve_plain(model kind, app::plain_listeners& listeners, app::reply what, hawser::duration drain)
{
    switch (kind) {
    case model::threads: return serve_with_threads(listeners, what, drain);
    case model::processes: return serve_with_processes(listeners, what, drain);
    default: return serve_one_by_one(listeners, what, drain);
    }
}

int serve_plain(model kind, const app::server_options& options, const std::vector<hawser::endpoint>& endpoints,
                app::reply what)
{
    const auto [idle, drain, backlog] = options.plain("--model async");
    app::plain_listeners listeners{endpoints, backlog, idle};
    listeners.announce();
    return serve_plain(kind, listeners, what, drain) == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{
        "bench_server",
        "Answers ab and wrk, in one of four models.",
        {.form = "[ENDPOINT...]", .meaning = "ENDPOINT: where to listen (default: tcp://127.0.0.1:8001)"}};
    auto kind = model::async;
    auto what = app::reply::hello;
    add_choice(line, "--model", "async|threads|processes|blocking",
               "A loop per processor, a thread or a process per connection, or one connection at a time "
               "(default: async)",
               models, kind);
    add_choice(line, "--reply", "hello|echo",
               "Hello, World! over HTTP, or the first 1024 bytes back and the end (default: hello)", replies, what);
    app::server_options options{line};

    return app::run_server(line, argc, argv, [&] {
        const auto endpoints = app::read_endpoints(line.arguments(), "tcp://127.0.0.1:8001");
        options.begin(endpoints);
        return kind == model::async ? serve_async(options, endpoints, what)
                                    : serve_plain(kind, options, endpoints, what);
    });
}
