// SPDX-License-Identifier: BSL-1.0

// Every public header of hawser::hawser from outside: its exceptions are caught here, errors of Asio's that it gives
// are equal to Asio's here, and Asio's stream operations are instantiated here. Built with BOOST_ASIO_NO_DEPRECATED.
#include <hawser/acceptor.hpp>
#include <hawser/connect.hpp>
#include <hawser/http/client.hpp>
#include <hawser/http/files.hpp>
#include <hawser/http/parser.hpp>
#include <hawser/http/server.hpp>
#include <hawser/http/writer.hpp>
#include <hawser/message/binary.hpp>
#include <hawser/message/session.hpp>
#include <hawser/names.hpp>
#include <hawser/server.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <iostream>

namespace {

hawser::awaitable<void> echo_bytes(hawser::connection& peer)
{
    char bytes[5] = {};
    co_await boost::asio::async_read(peer, boost::asio::buffer(bytes), boost::asio::use_awaitable);
    co_await boost::asio::async_write(peer, boost::asio::buffer(bytes), boost::asio::use_awaitable);
    try {
        co_await boost::asio::async_read(peer, boost::asio::buffer(bytes), boost::asio::use_awaitable);
    } catch (const boost::system::system_error& e) {
        if (e.code() != boost::asio::error::eof)
            throw;
    }
}

hawser::awaitable<void> ask(hawser::endpoint where)
{
    auto peer = co_await hawser::connect(where);
    co_await peer.write("hello");
    auto answer = co_await peer.read_exactly(5);
    std::cout << answer.value_or("nothing") << '\n';
    co_await peer.close();
}

} // namespace

int main()
{
    hawser::runtime runtime{{.loops = 1}};
    hawser::server server{runtime};
    server.listen("tcp://127.0.0.1:0", echo_bytes);
    hawser::run(runtime, ask(server.endpoints().front()));
    try {
        server.listen("no-such-scheme://", echo_bytes);
    } catch (const hawser::endpoint_error& e) {
        std::cout << hawser::symbol(e.code()) << '\n';
    }
    try {
        hawser::run(runtime, ask("tls://localhost:1"));
    } catch (const hawser::error&) {
        std::cout << "refused\n";
    }
    server.drain();
    return server.wait().clean() ? 0 : 1;
}
