// SPDX-License-Identifier: BSL-1.0
#include "common/client_options.hpp"

#include "common/program.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"

#include <hawser/message/error.hpp>

#include <iostream>

namespace app {

source_options::source_options(command_line& line)
{
    line.add_value("--source", "ADDRESS", "Numeric address to connect from",
                   [this](const std::string& text) { source_ = read_numeric_address(text); });
    line.add_switch("-v,--verbose", verbose_, "Say who is connected to whom");
}

void source_options::say_connected(const std::string& from, const std::string& to) const
{
    if (verbose_)
        std::cerr << one_line("connected from " + from + " to " + to) + '\n';
}

client_options::client_options(command_line& line) : source_options{line}
{
    declare(line, "Time to connect, and then for each answer (default: " + to_string(options_.connect_timeout) +
                      " to connect, never for an answer)");
    line.add_note("An ENDPOINT is tcp://HOST:PORT, HOST:PORT, tls://HOST:PORT or unix:PATH.");
}

client_options::client_options(command_line& line, const std::string& timeout_meaning) : source_options{line}
{
    declare(line, timeout_meaning);
}

client_options::client_options(command_line& line, const hawser::http::client_options& defaults) : source_options{line}
{
    declare(line,
            "Time for each of the connection, the TLS handshake, the response's header, and the wait for more of its "
            "body (default: " +
                to_string(defaults.connect_timeout) + ", " + to_string(defaults.handshake_timeout) + ", " +
                to_string(defaults.response_timeout) + ", " + to_string(defaults.body_timeout) + ')');
}

void client_options::declare(command_line& line, const std::string& timeout)
{
    line.add_value("--timeout", "D", timeout, [this](const std::string& text) {
        timeout_ = options_.connect_timeout = options_.timeouts.idle = read_duration(text);
    });
    line.add_value("--cacert", "FILE", "Authorities to trust over TLS instead of the system's, in PEM form",
                   [this](const std::string& text) { options_.tls.ca = read_file_name(text); });
    line.add_note("A duration D has a unit (500ms, 10s, 2m, 1h) or is never.");
}

void client_options::say_peer(const hawser::connection& peer) const
{
    say_connected(peer.local_endpoint().short_string(), peer.peer_endpoint().short_string());
}

void client_options::set(hawser::http::client_options& options) const
{
    if (timeout_)
        options.connect_timeout = options.handshake_timeout = options.response_timeout = options.body_timeout =
            *timeout_;
    options.source = source();
    options.tls.ca = options_.tls.ca;
    options.connected = [this](const hawser::connection& peer) { say_peer(peer); };
}

void client_options::check(const hawser::endpoint& where) const
{
    if (!options_.tls.ca.empty() && where.scheme() != hawser::endpoint::scheme_type::tls)
        throw usage_error{"--cacert: expected a tls:// endpoint with it, got " + where.to_string()};
}

hawser::awaitable<hawser::connection> client_options::connect(hawser::endpoint where) const
{
    check(where);
    hawser::connect_options with = options_;
    with.source = source();
    auto peer = co_await hawser::connect(std::move(where), std::move(with));
    say_peer(peer);
    co_return peer;
}

void client_options::fail(const hawser::endpoint& peer, const hawser::system_error& error) const
{
    using hawser::errc;
    const hawser::error_code code = error.code();
    if (code == errc::invalid_endpoint || code == errc::invalid_certificate)
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
    if (std::string_view{error.what()}.starts_with(peer.to_string() + ": ")) // it names the peer by itself
        throw failure{error.what()};
    if (dynamic_cast<const hawser::endpoint_error*>(&error) != nullptr)
        throw failure{error.what()};
    if (code.category() == hawser::category() || code.category() == hawser::messages::category())
        throw failure{text + ": " + error.what()};
    throw failure{text + ": " + code.message()};
}

} // namespace app
