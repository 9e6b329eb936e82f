// SPDX-License-Identifier: BSL-1.0

// A stranger's test of a handler: a minute of idleness, for which nobody waits a minute.
#include <hawser/test/world.hpp>

#include <chrono>
#include <iostream>
#include <string>

namespace {

hawser::awaitable<void> echo(hawser::connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

// How it ends; "no" where it does not go as it should before that.
std::string a_minute()
{
    using namespace std::chrono_literals;
    using namespace hawser::test;
    world world{{.timeouts = {.idle = 60s}}};
    peer client = world.open(echo);
    client.send(frame("hello"));
    const bool answered = client.received() == frame("hello");
    world.advance(59s);
    const bool early = client.has_ended();
    world.advance(2s);
    client.end();
    return answered && !early ? world.last_end() : "no";
}

} // namespace

int main()
{
    const auto begun = std::chrono::steady_clock::now();
    const std::string end = a_minute();
    const bool waited = std::chrono::steady_clock::now() - begun >= std::chrono::minutes{1};
    std::cout << (waited ? "no" : end) << '\n';
}
