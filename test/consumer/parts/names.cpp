// SPDX-License-Identifier: BSL-1.0

// An address as a name, on hawser::names: nothing is asked of a network.
#include <hawser/names.hpp>
#include <hawser/runtime.hpp>

#include <iostream>

namespace {

hawser::awaitable<void> ask()
{
    const hawser::address_query here{.host = "127.0.0.1", .service = "7", .numeric_host = true};
    const auto found = co_await hawser::resolve(here);
    std::cout << found.front().address.host << '\n';
    try {
        co_await hawser::gethostbyname(std::string(300, 'x'));
    } catch (const hawser::name_error& e) {
        std::cout << hawser::symbol(e.code()) << '\n';
        if (e.code() != hawser::name_errc::invalid_name)
            throw;
    }
}

} // namespace

int main()
{
    hawser::runtime runtime{{.loops = 1}};
    hawser::run(runtime, ask());
}
