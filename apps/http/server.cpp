// SPDX-License-Identifier: BSL-1.0

// http_server: says hello, or serves the files of a directory.
#include "common/program.hpp"
#include "common/serve.hpp"
#include "common/server_options.hpp"
#include "common/values.hpp"

#include <hawser/http/files.hpp>
#include <hawser/http/server.hpp>

#include <optional>
#include <string>

namespace {

namespace http = hawser::http;

// Not a coroutine: what one would only await is returned.
hawser::awaitable<void> hello(http::request& request, http::response& response)
{
    if (request.method() != http::method::get && request.method() != http::method::head) {
        response.status(http::status::method_not_allowed);
        response.set("Allow", "GET, HEAD");
        return response.send();
    }
    if (request.path() != "/")
        throw http::status_error{http::status::not_found, "there is nothing but /"};
    response.set("Content-Type", "text/plain");
    return response.send("Hello, World!");
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{
        "http_server",
        "Answers GET / with Hello, World!, or serves the files of a directory, over HTTP/1.1.",
        {.form = "[ENDPOINT...]", .meaning = "ENDPOINT: where to listen (default: tcp://127.0.0.1:8080)"}};
    std::optional<std::string> root;
    line.add_value("--root", "DIR", "Serve the files beneath DIR, a directory by its index.html",
                   [&root](const std::string& text) { root = text; });
    http::files_options files;
    line.add_value("--dot-name", "NAME",
                   "Serve NAME beneath DIR, such as .well-known, though it begins with a dot; may be repeated",
                   [&files](const std::string& text) { files.dot_names.push_back(text); });
    app::server_options options{line};

    return app::run_server(line, argc, argv, [&] {
        const auto endpoints = app::read_endpoints(line.arguments(), "tcp://127.0.0.1:8080");
        options.begin(endpoints);
        const http::handler handler = root ? http::files(*root, files) : hello;

        hawser::runtime runtime{options.runtime()};
        hawser::server server{runtime, options.server()};
        for (const auto& where : endpoints) {
            auto listening = options.listen(where);
            if (listening.tls)
                listening.tls->alpn = {"http/1.1", "http/1.0"};
            server.listen(where, http::serve(handler), listening);
        }
        return app::serve(runtime, server, options);
    });
}
