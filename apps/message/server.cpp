// SPDX-License-Identifier: BSL-1.0

// message_server: answers application messages: a JSON header, and content that is JSON or bytes.
#include "common/log.hpp"
#include "common/program.hpp"
#include "common/serve.hpp"
#include "common/server_options.hpp"
#include "common/values.hpp"
#include "message/content.hpp"

#include <hawser/message/session.hpp>
#include <hawser/server.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace messages = hawser::messages;

constexpr std::size_t bytes_returned = 10;

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> answers{{
    {"morpheus", "Follow the white rabbit. 🐰"},
    {"ring", "In the caves beneath the Misty Mountains. 💍"},
    {"🐶", "🐾 Playing ball! 🏐"},
}};

std::string search(const std::string& value)
{
    for (const auto& [asked, answer] : answers)
        if (asked == value)
            return std::string{answer};
    return "No match for '" + value + "'.";
}

std::string result_of(const messages::message& request)
{
    const app::object_content asked{request, {"action", "value"}};
    const std::string& action = asked.text("action");
    return action == "search" ? search(asked.text("value")) : "Error: invalid action '" + action + "'.";
}

hawser::awaitable<void> send(hawser::connection& peer, const messages::message& reply, bool verbose)
{
    co_await messages::write_message(peer, reply);
    if (verbose)
        app::log("sent " + app::header_line(reply) + " to " + peer.peer_endpoint().short_string());
}

hawser::awaitable<void> answer_to(hawser::connection& peer, const messages::message& request, bool verbose)
{
    if (verbose)
        app::log("received " + app::header_line(request) + " from " + peer.peer_endpoint().short_string());
    if (request.is_json()) {
        const std::string text = messages::json_object({{"result", result_of(request)}});
        const messages::message reply{.content = text};
        co_await send(peer, reply, verbose);
    } else {
        const std::string bytes =
            "First 10 bytes of request: " + std::string{request.content.substr(0, bytes_returned)};
        const messages::message reply{
            .type = "binary/custom-server-binary-type", .encoding = "binary", .content = bytes};
        co_await send(peer, reply, verbose);
    }
}

hawser::awaitable<void> answer(hawser::connection& peer, const messages::message& request)
{
    return answer_to(peer, request, false);
}

// The same, with a line for each header.
hawser::awaitable<void> tell(hawser::connection& peer, const messages::message& request)
{
    return answer_to(peer, request, true);
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{
        "message_server",
        "Answers application messages: a JSON header, then content that is JSON or bytes.",
        {.form = "HOST PORT|ENDPOINT", .meaning = "HOST PORT or ENDPOINT: where to listen", .least = 1, .most = 2}};
    bool once = false;
    line.add_switch("--once", once, "End each connection after its first answer");
    app::server_options options{line};
    line.add_note("-v also logs the header of each message.");

    return app::run_server(line, argc, argv, [&] {
        const hawser::endpoint where = app::read_address(line.arguments());
        options.begin({where});

        hawser::runtime runtime{options.runtime()};
        hawser::server server{runtime, options.server()};
        server.listen(where, messages::serve(options.verbose() ? tell : answer, {.once = once}), options.listen(where));
        return app::serve(runtime, server, options);
    });
}
