// SPDX-License-Identifier: BSL-1.0

// ping: asks a host over ICMP whether it is there, and how long the way there and back takes.
#include "common/client_options.hpp"
#include "common/program.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"
#include "ping/icmp_socket.hpp"
#include "ping/pinger.hpp"

#include <hawser/names.hpp>
#include <hawser/runtime.hpp>

#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <csignal>
#include <optional>

namespace {

using namespace std::chrono_literals;

constexpr hawser::duration shortest_interval = 2ms; // nobody needs to flood a network with this

struct wanted {
    std::string host;
    app::ping_plan plan;
};

hawser::duration read_interval(const std::string& text)
{
    const hawser::duration interval = app::read_duration(text);
    if (interval < shortest_interval || interval == hawser::never)
        throw app::usage_error{"expected a duration of at least " + app::to_string(shortest_interval) + ", got " +
                               app::shown(text)};
    return interval;
}

// The first address of the host; with a source, the first of its family.
hawser::awaitable<hawser::address_info> find_address(const std::string& host,
                                                     const std::optional<hawser::address_info>& source)
{
    hawser::address_query query;
    query.host = host;
    query.type = hawser::socket_type::dgram;
    if (source)
        query.family = source->family;
    const auto found = co_await hawser::resolve(query);
    co_return found.front();
}

hawser::awaitable<std::optional<hawser::address_info>> read_source(const app::source_options& options)
{
    if (!options.source())
        co_return std::nullopt;
    hawser::address_query query;
    query.host = options.source();
    query.type = hawser::socket_type::dgram;
    query.numeric_host = true;
    const auto found = co_await hawser::resolve(query);
    co_return found.front();
}

hawser::awaitable<void> run(const wanted& w, const app::source_options& options)
{
    const std::optional<hawser::address_info> source = co_await read_source(options);
    const hawser::address_info host = co_await find_address(w.host, source);
    app::icmp_socket socket{host, source};
    options.say_connected(socket.local_address(), host.address.host);
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::signal_set interruption{executor, SIGINT}; // from here on SIGINT ends it with what was counted
    const std::string name = app::one_line(w.host);
    app::print("PING " + name + " (" + host.address.host + "): " + std::to_string(app::ping_size) + " data bytes");
    const auto begun = std::chrono::steady_clock::now();
    const auto [counted, interrupted] = co_await app::ping(w.plan, socket, interruption);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);

    app::print("\n--- " + name + " ping statistics ---");
    app::print(counted.packets(took));
    if (counted.received() != 0)
        app::print(counted.round_trips());
    if (interrupted)
        throw app::interruption{};
    if (counted.received() == 0)
        throw app::failure{name + ": no reply"};
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{"ping",
                           "Asks a host whether it is there, by ICMP echo over IPv4 or IPv6, until SIGINT.",
                           {.form = "HOST", .meaning = "HOST: a name or an address", .least = 1, .most = 1}};
    wanted w;
    line.add_value("-c", "N", "Requests to send (default: until SIGINT)",
                   [&](const std::string& text) { w.plan.count = app::read_number(text, 1, 1'000'000'000); });
    line.add_value("-i", "D", "Time between two requests (default: " + app::to_string(w.plan.interval) + ')',
                   [&](const std::string& text) { w.plan.interval = read_interval(text); });
    line.add_value(
        "--timeout", "D",
        "Time to wait for a first reply after the last request (default: " + app::to_string(w.plan.patience) + ')',
        [&](const std::string& text) { w.plan.patience = app::read_duration(text); });
    const app::source_options options{line};
    line.add_note("Needs CAP_NET_RAW, or a group of the user's within net.ipv4.ping_group_range.");
    line.add_note("A duration D has a unit (500ms, 10s, 2m, 1h) or is never.");

    return app::run_client(line, argc, argv, [&] {
        w.host = line.arguments().front();
        hawser::runtime runtime{{.loops = 1, .blocked_after = hawser::never}};
        hawser::run(runtime, run(w, options));
    });
}
