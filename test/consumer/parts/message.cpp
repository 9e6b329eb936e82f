// SPDX-License-Identifier: BSL-1.0

// A message, written and read again, on hawser::message.
#include <hawser/message/session.hpp>

#include <iostream>

int main()
{
    const std::string wire = hawser::encode_message({.content = R"({"action": "search"})"});
    hawser::message_decoder decoder;
    std::cout << decoder.decode(wire).value().text() << '\n';
    try {
        hawser::message_decoder{}.decode(std::string_view{"\0\2[]", 4});
    } catch (const hawser::message_error& e) {
        std::cout << hawser::symbol(e.code()) << '\n';
        return e.code() == hawser::message_errc::invalid_message_header ? 0 : 1;
    }
    return 1;
}
