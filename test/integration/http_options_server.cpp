// SPDX-License-Identifier: BSL-1.0

// An HTTP server whose deadlines, limits and misbehaviour the tests choose, for what http_server has no option:
//
//     http_options_server [NAME=VALUE...]       times in milliseconds
//
//     head, grace, idle, drain    deadlines            body    bytes of a request's body            loops    threads
//
// What it does is in the path: /echo its body, /stream the same in pieces, /partial a part and then an exception,
// /throw, /number and /memory exceptions before it, /nothing no answer, /none 204, /cached 304, anything else the path.
// It prints `listening on ENDPOINT`, drains at SIGTERM like every server, and says then `handled N threw N failed N`.
#include <hawser/http/server.hpp>
#include <hawser/server.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <new>
#include <stdexcept>
#include <string>

namespace {

namespace http = hawser::http;

std::atomic<unsigned long> handled{0};
std::atomic<unsigned long> threw{0};

[[noreturn]] void fail(hawser::bytes_view path)
{
    ++threw;
    if (path == "/number")
        throw 5;
    if (path == "/memory")
        throw std::bad_alloc{};
    throw std::runtime_error{"a handler that fails"};
}

hawser::awaitable<void> answer(http::request& q, http::response& r)
{
    ++handled;
    const hawser::bytes_view path = q.path();
    if (path == "/throw" || path == "/number" || path == "/memory")
        fail(path);
    if (path == "/echo") {
        const hawser::bytes_view body = co_await q.read_all();
        co_return co_await r.send(body);
    }
    if (path == "/stream" || path == "/partial") {
        co_await r.write("a part");
        if (path == "/partial")
            fail(path);
        while (const auto piece = co_await q.read_some())
            co_await r.write(*piece);
        co_return;
    }
    if (path == "/nothing")
        co_return;
    if (path == "/none" || path == "/cached")
        r.status(path == "/none" ? http::status::no_content : http::status::not_modified);
    co_await r.send(path);
}

} // namespace

int main(int argc, char** argv)
{
    std::map<std::string, long> options;
    for (int i = 1; i < argc; ++i) {
        const std::string text = argv[i];
        const std::size_t equals = text.find('=');
        options[text.substr(0, equals)] = std::stol(text.substr(equals + 1));
    }
    const auto time = [&](const char* name, hawser::duration otherwise) {
        const auto given = options.find(name);
        return given == options.end() ? otherwise : hawser::duration{std::chrono::milliseconds{given->second}};
    };
    http::serve_options serving;
    serving.head_timeout = time("head", serving.head_timeout);
    serving.body_timeout = time("grace", serving.body_timeout);
    if (const auto body = options.find("body"); body != options.end())
        serving.max_body = static_cast<std::uint64_t>(body->second);
    hawser::server_options o;
    o.timeouts.idle = time("idle", o.timeouts.idle);
    o.timeouts.drain = time("drain", o.timeouts.drain);

    hawser::runtime runtime{{.loops = static_cast<unsigned>(options.contains("loops") ? options["loops"] : 1)}};
    hawser::server server{runtime, o};
    server.listen("tcp://127.0.0.1:0", http::serve(answer, serving));
    std::printf("listening on %s\n", server.endpoints().front().to_string().c_str());
    std::fflush(stdout);
    const int status = hawser::run(runtime, server);
    const auto counts = server.statistics();
    std::printf("handled %lu threw %lu failed %lu\n", handled.load(), threw.load(),
                static_cast<unsigned long>(counts.failed));
    return status;
}
