// SPDX-License-Identifier: BSL-1.0

// A program that uses hawser::admin from outside.
#include <hawser/admin.hpp>
#include <hawser/http/client.hpp>

#include <iostream>

namespace {

hawser::awaitable<void> ask(std::string url)
{
    const auto answer = co_await hawser::http::get(url);
    std::cout << static_cast<int>(answer.status) << '\n';
}

} // namespace

int main()
{
    hawser::runtime runtime{{.loops = 1}};
    hawser::server server{runtime};
    const hawser::admin admin{server, "127.0.0.1:0"};
    hawser::run(runtime, ask("http://" + admin.endpoints().front().short_string() + "/health"));
}
