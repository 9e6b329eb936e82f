// SPDX-License-Identifier: BSL-1.0

// echo_client: sends texts to an echo server, one after the other, and checks what comes back.
#include "common/client_options.hpp"
#include "common/program.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"

#include <hawser/connect.hpp>
#include <hawser/runtime.hpp>

#include <iostream>

namespace {

// As much as is on its way at once, so that a long text never waits in both directions for the other to be read.
constexpr std::size_t piece = 64 * 1024;

[[noreturn]] void fail(const hawser::endpoint& where, hawser::bytes_view sent, std::optional<hawser::bytes_view> back)
{
    throw app::failure{where.to_string() + ": expected " + app::shown(sent) + " back, got " +
                       (back ? app::shown(*back) : "the end of the connection")};
}

hawser::awaitable<void> exchange_bytes(hawser::connection& peer, const hawser::endpoint& where, hawser::bytes_view text)
{
    for (std::size_t at = 0; at < text.size(); at += piece) {
        const auto sent = text.substr(at, piece);
        co_await peer.write(sent);
        std::size_t returned = 0;
        while (returned < sent.size()) {
            const auto bytes = co_await peer.read_some();
            if (!bytes || *bytes != sent.substr(returned, bytes->size()))
                fail(where, sent.substr(returned), bytes);
            returned += bytes->size();
        }
    }
}

hawser::awaitable<void> exchange_frame(hawser::connection& peer, const hawser::endpoint& where, hawser::bytes_view text)
{
    co_await peer.write_frame(text);
    const auto frame = co_await peer.read_frame();
    if (!frame || *frame != text)
        fail(where, text, frame);
}

hawser::awaitable<void> exchange(hawser::connection& peer, const hawser::endpoint& where, app::mode mode,
                                 hawser::bytes_view text)
{
    if (mode == app::mode::frames)
        co_await exchange_frame(peer, where, text);
    else
        co_await exchange_bytes(peer, where, text);
    app::print("received " + app::shown(text));
}

hawser::awaitable<void> talk(const app::client_options& options, hawser::endpoint where, app::mode mode,
                             std::vector<std::string> texts)
{
    auto peer = co_await options.connect(where);
    for (const std::string& text : texts) {
        if (text != "-") {
            co_await exchange(peer, where, mode, text);
            continue;
        }
        // Nothing else happens on this loop, so it may as well wait for a line of standard input.
        for (std::string line; std::getline(std::cin, line);)
            co_await exchange(peer, where, mode, line);
    }
    co_await peer.close();
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{"echo_client",
                           "Sends texts to an echo server, one after the other, and checks what comes back.",
                           {.form = "[ENDPOINT [TEXT...]]",
                            .meaning =
                                "ENDPOINT: the server (default: tcp://127.0.0.1:65432)\n"
                                "TEXT: what to send, - for each line of standard input (default: Hello, world)"}};
    auto mode = app::mode::bytes;
    app::add_mode(line, mode);
    app::client_options options{line};

    return app::run_client(line, argc, argv, [&] {
        std::vector<std::string> texts = line.arguments();
        const hawser::endpoint where{texts.empty() ? "tcp://127.0.0.1:65432" : texts.front()};
        if (!texts.empty())
            texts.erase(texts.begin());
        if (texts.empty())
            texts = {"Hello, world"};

        hawser::runtime runtime{{.loops = 1, .blocked_after = hawser::never}};
        try {
            hawser::run(runtime, talk(options, where, mode, texts));
        } catch (const hawser::system_error& error) {
            options.fail(where, error);
        }
    });
}
