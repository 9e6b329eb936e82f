// SPDX-License-Identifier: BSL-1.0

// The contender in batches: echoes framed messages with read_frames(), on one loop, with a server's default options.
// The one without batches is `echo_server --mode frames`.
//
//     hawser_echo PORT    listens on 127.0.0.1:PORT (0 is any free port), prints `listening on tcp://127.0.0.1:PORT`
#include <hawser/server.hpp>

#include <exception>
#include <iostream>
#include <string>

namespace {

hawser::awaitable<void> echo(hawser::connection& peer)
{
    while (auto batch = co_await peer.read_frames())
        co_await peer.write_frames(*batch);
}

} // namespace

int main(int argc, char** argv)
try {
    if (argc != 2) {
        std::cerr << "usage: hawser_echo PORT\n";
        return 2;
    }
    hawser::runtime runtime{{.loops = 1}};
    hawser::server server{runtime};
    server.listen(std::string{"tcp://127.0.0.1:"} + argv[1], echo);
    for (const auto& endpoint : server.endpoints())
        std::cout << "listening on " << endpoint.to_string() << std::endl;
    return hawser::run(runtime, server);
} catch (const std::exception& error) {
    std::cerr << "hawser_echo: " << error.what() << '\n';
    return 2;
}
