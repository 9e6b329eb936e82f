#include "client_options.hpp"

#include "payload.hpp"
#include "program.hpp"
#include "values.hpp"

#include <boost/asio/ip/address.hpp>

#include <iostream>

namespace app {

client_options::client_options(command_line& line)
{
    line.add_value(
        "--timeout", "D",
        "Time to connect, and then for each answer (default: " + to_string(options_.timeout) +
            " to connect, never for an answer)",
        [this](const std::string& text) { options_.timeout = options_.timeouts.idle = read_duration(text); });
    line.add_value("--source", "ADDRESS", "Numeric address to connect from", [this](const std::string& text) {
        boost::system::error_code error;
        boost::asio::ip::make_address(text, error);
        if (error)
            throw usage_error{"expected an IPv4 or IPv6 address, got " + shown(text)};
        options_.source = text;
    });
    line.add_switch("-v", verbose_, "Say who is connected to whom");
    line.add_note("A duration D has a unit (500ms, 10s, 2m, 1h) or is never.\n"
                  "An ENDPOINT is tcp://HOST:PORT, HOST:PORT or unix:PATH.");
}

hawser::awaitable<hawser::connection> client_options::connect(hawser::endpoint where) const
{
    auto peer = co_await hawser::connect(std::move(where), options_);
    if (verbose_)
        std::cerr << one_line("connected from " + peer.local_endpoint().short_string() + " to " +
                              peer.peer_endpoint().short_string()) +
                         '\n';
    co_return peer;
}

void client_options::fail(const hawser::endpoint& peer, const hawser::system_error& error) const
{
    using hawser::errc;
    const hawser::error_code code = error.code();
    if (code == errc::invalid_endpoint)
        throw usage_error{error.what()};

    const std::string text = peer.to_string() + ": " + hawser::symbol(code);
    if (code == errc::idle_timeout)
        throw failure{text + " after " + to_string(options_.timeouts.idle)};
    if (code == errc::frame_timeout)
        throw failure{text + " after " + to_string(options_.timeouts.frame)};
    if (code == errc::write_timeout)
        throw failure{text + " after " + to_string(options_.timeouts.write)};
    if (code == boost::system::errc::connection_refused)
        throw failure{text + ": wrong port, server not running, or a firewall"};
    if (dynamic_cast<const hawser::endpoint_error*>(&error) != nullptr)
        throw failure{error.what()};
    if (code.category() == hawser::category())
        throw failure{text + ": " + error.what()};
    throw failure{text + ": " + code.message()};
}

} // namespace app
