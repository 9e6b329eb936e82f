// SPDX-License-Identifier: BSL-1.0

// The rival: an echo server as an ordinary user of Asio writes it, with C++20 coroutines on one thread.
// It has no framing, no limits, no deadlines and no drain.
//
//     asio_echo PORT    listens on 127.0.0.1:PORT (0 is any free port), prints `listening on tcp://127.0.0.1:PORT`
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <exception>
#include <iostream>
#include <string>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

asio::awaitable<void> echo(tcp::socket peer)
{
    try {
        std::array<char, 16 * 1024> data;
        for (;;) {
            const auto n = co_await peer.async_read_some(asio::buffer(data), asio::use_awaitable);
            co_await asio::async_write(peer, asio::buffer(data, n), asio::use_awaitable);
        }
    } catch (const std::exception&) {
        // The peer has left.
    }
}

asio::awaitable<void> accept(tcp::acceptor acceptor)
{
    for (;;) {
        auto peer = co_await acceptor.async_accept(asio::use_awaitable);
        peer.set_option(tcp::no_delay{true});
        asio::co_spawn(acceptor.get_executor(), echo(std::move(peer)), asio::detached);
    }
}

} // namespace

int main(int argc, char** argv)
try {
    if (argc != 2) {
        std::cerr << "usage: asio_echo PORT\n";
        return 2;
    }
    const auto port = static_cast<unsigned short>(std::stoi(argv[1]));
    asio::io_context context{1};
    tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), port}};
    std::cout << "listening on tcp://127.0.0.1:" << acceptor.local_endpoint().port() << std::endl;
    asio::co_spawn(context, accept(std::move(acceptor)), asio::detached);
    context.run();
} catch (const std::exception& error) {
    std::cerr << "asio_echo: " << error.what() << '\n';
    return 2;
}
