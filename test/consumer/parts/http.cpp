// SPDX-License-Identifier: BSL-1.0

// A server of HTTP and who asks it, on hawser::http.
#include <hawser/http/client.hpp>
#include <hawser/http/server.hpp>
#include <hawser/server.hpp>

#include <iostream>

namespace {

hawser::awaitable<void> hello(hawser::http::request&, hawser::http::response& response)
{
    co_await response.send("hello");
}

hawser::awaitable<void> ask(std::string url)
{
    const auto answer = co_await hawser::http::get(url);
    std::cout << static_cast<int>(answer.status) << '\n';
    try {
        co_await hawser::http::get("gopher://localhost/");
    } catch (const hawser::http::client_error& e) {
        std::cout << hawser::symbol(e.code()) << '\n';
        if (e.code() != hawser::http::errc::invalid_url)
            throw;
    }
}

} // namespace

int main()
{
    hawser::runtime runtime{{.loops = 1}};
    hawser::server server{runtime};
    server.listen("tcp://127.0.0.1:0", hawser::http::serve(hello));
    hawser::run(runtime, ask("http://" + server.endpoints().front().short_string() + "/"));
    server.drain();
    return server.wait().clean() ? 0 : 1;
}
