// A stranger's test of a handler: a minute of idleness in no time.
#include <hawser/test/world.hpp>

#include <chrono>
#include <iostream>

namespace {

hawser::awaitable<void> echo(hawser::connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

} // namespace

int main()
{
    using namespace std::chrono_literals;
    using namespace hawser::test;
    const auto begun = std::chrono::steady_clock::now();
    world world{{.timeouts = {.idle = 60s}}};
    peer client = world.open(echo);
    client.send(frame("hello"));
    const bool answered = client.received() == frame("hello");
    world.advance(59s);
    const bool early = client.has_ended();
    world.advance(2s);
    const bool quick = std::chrono::steady_clock::now() - begun < 10ms;
    std::cout << (answered && !early && quick ? world.last_end() : "no") << '\n';
}
