// SPDX-License-Identifier: BSL-1.0

// A message, written and read again, on hawser::message.
#include <hawser/message/session.hpp>

#include <iostream>

int main()
{
    const std::string wire = hawser::messages::encode({.content = R"({"action": "search"})"});
    hawser::messages::decoder in;
    std::cout << in.decode(wire).value().text() << '\n';
    try {
        hawser::messages::decoder{}.decode(std::string_view{"\0\2[]", 4});
    } catch (const hawser::messages::message_error& e) {
        std::cout << hawser::symbol(e.code()) << '\n';
        return e.code() == hawser::messages::errc::invalid_message_header ? 0 : 1;
    }
    return 1;
}
