// SPDX-License-Identifier: BSL-1.0

// daytime_client: asks a server what time it is (RFC 867), and says how far its clock is from ours.
#include "common/answer.hpp"
#include "common/client_options.hpp"
#include "common/host.hpp"
#include "common/program.hpp"
#include "daytime/daytime.hpp"

#include <hawser/connect.hpp>
#include <hawser/runtime.hpp>

#include <string>

namespace {

using std::chrono::system_clock;

constexpr std::uint16_t port = 13;
constexpr std::size_t longest = 1024;

void print_skew(std::chrono::seconds ahead)
{
    const auto count = ahead.count();
    const char* const meaning = count > 0   ? " (the server's clock is ahead of this one)"
                                : count < 0 ? " (the server's clock is behind this one)"
                                            : "";
    app::print("skew " + std::to_string(count) + " s" + meaning);
}

// The server speaks first: it says its time at some moment between the connection and the first byte. The kernel may
// have accepted the connection, and the server have looked at its clock, before this program is told.
hawser::awaitable<void> ask(const app::client_options& options, hawser::endpoint where)
{
    const auto begin = system_clock::now();
    auto peer = co_await options.connect(where);
    const auto first = co_await peer.read_some();
    const auto end = system_clock::now();
    std::string text{first.value_or("")};
    co_await app::read_to_end(peer, where, longest, text);
    app::print_lines(text);
    if (const auto theirs = app::read_daytime(text))
        print_skew(app::skew(*theirs, begin, end));
    co_await peer.close();
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{
        "daytime_client",
        "Asks a server what time it is (RFC 867), and says by how much its clock is ahead of this one.",
        {.form = "HOST|ENDPOINT",
         .meaning = "HOST, HOST:PORT or ENDPOINT: the server (default port: 13)",
         .least = 1,
         .most = 1}};
    app::client_options options{line};

    return app::run_client(line, argc, argv, [&] {
        const hawser::endpoint where = app::read_host(line.arguments().front(), "tcp", port);
        hawser::runtime runtime{{.loops = 1, .blocked_after = hawser::never}};
        try {
            hawser::run(runtime, ask(options, where));
        } catch (const hawser::system_error& error) {
            options.fail(where, error);
        }
    });
}
