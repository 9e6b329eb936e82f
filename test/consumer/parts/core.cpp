// SPDX-License-Identifier: BSL-1.0

// A framed echo and who asks it, on hawser::core.
#include <hawser/connect.hpp>
#include <hawser/server.hpp>
#include <hawser/version.hpp>

#include <iostream>

namespace {

hawser::awaitable<void> echo(hawser::connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

hawser::awaitable<void> ask(hawser::endpoint where)
{
    auto peer = co_await hawser::connect(where);
    co_await peer.write_frame("hello");
    const auto answer = co_await peer.read_frame();
    std::cout << answer.value_or("nothing") << '\n';
}

} // namespace

int main()
{
    hawser::runtime runtime{{.loops = 1}};
    hawser::server server{runtime};
    server.listen("tcp://127.0.0.1:0", echo);
    hawser::run(runtime, ask(server.endpoints().front()));
    server.drain();
    return server.wait().clean() && hawser::version() == HAWSER_VERSION ? 0 : 1;
}
