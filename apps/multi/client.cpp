// SPDX-License-Identifier: BSL-1.0

// multi_client: many connections to an echo server at once, each sending the same messages.
#include "common/client_options.hpp"
#include "common/program.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"

#include <hawser/connect.hpp>
#include <hawser/server.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <future>

namespace {

using namespace boost::asio::experimental::awaitable_operators;

struct plan {
    hawser::endpoint where;
    std::vector<std::string> messages;
};

hawser::awaitable<void> send(hawser::connection& peer, const plan& p, std::string number)
{
    for (const std::string& message : p.messages) {
        app::print("sending " + app::shown(message) + " to connection " + number);
        co_await peer.write(message);
    }
}

hawser::awaitable<void> receive(hawser::connection& peer, const plan& p, std::string number)
{
    std::string expected;
    for (const std::string& message : p.messages)
        expected += message;
    hawser::bytes_view rest = expected;
    while (!rest.empty()) {
        const auto bytes = co_await peer.read_some();
        if (!bytes)
            throw app::failure{p.where.to_string() + ": connection " + number + " ended, " +
                               std::to_string(rest.size()) + " bytes early"};
        app::print("received " + app::shown(*bytes) + " from connection " + number);
        if (!rest.starts_with(*bytes))
            throw app::failure{p.where.to_string() + ": expected " + app::shown(rest) + " from connection " + number +
                               ", got " + app::shown(*bytes)};
        rest.remove_prefix(bytes->size());
    }
}

hawser::awaitable<void> talk(const app::client_options& options, const plan& p, std::string number)
{
    auto peer = co_await options.connect(p.where);
    co_await (send(peer, p, number) && receive(peer, p, number));
    app::print("closing connection " + number);
    co_await peer.close();
}

// Ends when every connection has, or one has failed.
void talk_on_all(const app::client_options& options, const plan& p, std::size_t connections)
{
    for (std::size_t i = 1; i <= connections; ++i)
        app::print("starting connection " + std::to_string(i) + " to " + p.where.short_string());

    std::promise<void> end;
    std::size_t open = connections; // counted on the one loop
    const auto ended = [&](std::exception_ptr error) {
        if (open == 0)
            return;
        open = error ? 0 : open - 1;
        if (error)
            end.set_exception(error);
        else if (open == 0)
            end.set_value();
    };
    hawser::runtime runtime{{.loops = 1, .blocked_after = hawser::never}};
    runtime.start();
    for (std::size_t i = 1; i <= connections; ++i)
        runtime.spawn(talk(options, p, std::to_string(i)), ended);
    end.get_future().get();
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{"multi_client",
                           "Opens many connections to an echo server at once and sends the same messages on each.",
                           {.form = "HOST PORT|ENDPOINT NUM_CONNECTIONS",
                            .meaning = "HOST PORT or ENDPOINT: the server",
                            .least = 2,
                            .most = 3}};
    std::vector<std::string> messages;
    line.add_value(
        "--message", "TEXT",
        "A message; may be repeated (default: \"Message 1 from client.\" and \"Message 2 from client.\")",
        [&](const std::string& text) { messages.push_back(text); }, true);
    app::client_options options{line};

    return app::run_client(line, argc, argv, [&] {
        std::vector<std::string> address = line.arguments();
        const auto connections = app::read_number(address.back(), 1, 1'000'000, "NUM_CONNECTIONS");
        address.pop_back();
        if (messages.empty())
            messages = {"Message 1 from client.", "Message 2 from client."};
        const plan p{app::read_address(address), messages};
        hawser::raise_descriptor_limit();
        try {
            talk_on_all(options, p, connections);
        } catch (const hawser::system_error& error) {
            options.fail(p.where, error);
        }
    });
}
