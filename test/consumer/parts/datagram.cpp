// SPDX-License-Identifier: BSL-1.0

// A server of datagrams and who asks it, on hawser::datagram.
#include <hawser/datagram.hpp>
#include <hawser/server.hpp>

#include <array>
#include <iostream>

namespace {

using namespace std::chrono_literals;

hawser::awaitable<void> echo(hawser::datagram_request& request)
{
    co_await request.send(request.payload());
}

hawser::awaitable<void> ask(hawser::runtime& runtime, hawser::endpoint where)
{
    hawser::datagram_socket socket{runtime};
    co_await socket.connect(where);
    co_await socket.send("hello");
    std::array<char, 512> room{};
    const auto answer = co_await socket.receive(room, 60s);
    std::cout << answer.payload << '\n';
    try {
        co_await socket.receive(room, 1ms);
    } catch (const hawser::system_error& e) {
        std::cout << hawser::symbol(e.code()) << '\n';
        if (e.code() != hawser::datagram_errc::receive_timeout)
            throw;
    }
}

} // namespace

int main()
{
    hawser::runtime runtime{{.loops = 1}};
    hawser::server server{runtime};
    hawser::listen_datagrams(server, "udp://127.0.0.1:0", echo);
    hawser::run(runtime, ask(runtime, server.endpoints().front()));
    server.drain();
    return server.wait().clean() ? 0 : 1;
}
