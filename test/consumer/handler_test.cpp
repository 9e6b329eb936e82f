// A stranger's test of a handler: a minute of idleness in no time.
#include <hawser/test/world.hpp>

#include <algorithm>
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
    return answered && !early ? world.last_end() : "no";
}

} // namespace

int main()
{
    auto least = std::chrono::steady_clock::duration::max();
    std::string end;
    for (int i = 0; i < 5; ++i) {
        const auto begun = std::chrono::steady_clock::now();
        end = a_minute();
        least = std::min(least, std::chrono::steady_clock::now() - begun);
    }
    std::cout << (least < std::chrono::milliseconds{10} ? end : "no") << '\n';
}
