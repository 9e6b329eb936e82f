// SPDX-License-Identifier: BSL-1.0

// libFuzzer target of the look at a ClientHello. The first byte of an input says where the rest is cut, the second what
// the server sends in between; the rest is the stream. Corpus: corpus/client_hello.
//
// What must hold for any bytes:
//   - however the stream is cut, it is judged the same
//   - a verdict stands, but that any may be followed by "too large", which stands for good
//   - a hello is whole exactly when one that is put together from its records is, and no sooner than its last record
//   - none above the limit is whole, and one that has only begun has taken no more bytes than the limits allow
//   - once the server has sent its ServerHello nothing changes any more
#include "tls/client_hello.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using hawser::bytes_view;
using hawser::detail::client_hello;
using state = client_hello::state;

constexpr std::size_t record_head = 5;
constexpr std::size_t message_head = 4;
// Each byte in a record of its own, as many empty ones as there may be, and a last record as large as it may be.
constexpr std::size_t most_begun = (client_hello::largest + message_head) * (record_head + 1) +
                                   client_hello::most_empty_records * record_head + record_head +
                                   client_hello::largest_record;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

std::size_t number(bytes_view bytes)
{
    std::size_t n = 0;
    for (const char byte : bytes)
        n = n * 256 + static_cast<unsigned char>(byte);
    return n;
}

void pass(client_hello& hello, bytes_view bytes)
{
    const state before = hello.stands();
    require(hello.pass(bytes) == hello.stands());
    require(hello.stands() == before || before == state::begun ||
            (before != state::too_large && hello.stands() == state::too_large));
}

client_hello in_pieces(bytes_view stream, std::size_t piece)
{
    client_hello hello;
    for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size())))
        pass(hello, stream.substr(0, piece));
    return hello;
}

// The same by another way: record by record, with the messages put together.
state put_together(bytes_view stream)
{
    std::string messages;
    std::size_t empty = 0;
    bool complete = false;
    while (stream.size() >= record_head) {
        const std::size_t length = number(stream.substr(3, 2));
        empty += length == 0 ? 1 : 0;
        if (stream[0] != '\x16' || stream[1] != '\x03' || length > client_hello::largest_record ||
            empty > client_hello::most_empty_records)
            return state::malformed;
        messages += stream.substr(record_head, length);
        while (!messages.empty()) {
            if (messages.front() != '\x01')
                return state::malformed;
            const std::size_t size = number(bytes_view{messages}.substr(1, 3));
            if (messages.size() >= message_head && size > client_hello::largest)
                return state::too_large;
            if (messages.size() < message_head || messages.size() < message_head + size)
                break;
            messages.erase(0, message_head + size);
            complete = true;
        }
        if (stream.size() < record_head + length)
            return state::begun;
        if (complete)
            return state::whole;
        stream.remove_prefix(record_head + length);
    }
    return state::begun;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    const bytes_view stream{reinterpret_cast<const char*>(data) + 2, size - 2};
    client_hello whole = in_pieces(stream, stream.size());
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1} + data[0]}) {
        const client_hello cut = in_pieces(stream, piece);
        require(cut.stands() == whole.stands());
        require(cut.stands() != state::too_large || (cut.size() == whole.size() && cut.size() > client_hello::largest));
    }
    require(whole.stands() != state::begun || stream.size() <= most_begun);

    // What follows a hello that is whole, or none, may yet announce too much.
    const state expected = put_together(stream);
    require(whole.stands() == expected || (expected != state::begun && whole.stands() == state::too_large));

    const state before = whole.stands();
    whole.answered(data[1] % 2 == 0 ? std::string("\x02\x00\x00\x56\x03\x03", 6) + "other"
                                    : std::string("\x02\x00\x00\x56\x03\x03", 6) + "\xcf\x21\xad\x74");
    whole.pass(stream);
    require(data[1] % 2 != 0 || whole.stands() == before);
    return 0;
}
