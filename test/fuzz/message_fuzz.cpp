// SPDX-License-Identifier: BSL-1.0

// libFuzzer target of the codec of application messages. The first byte of an input chooses the limits and where the
// rest is cut; the rest is the stream. Corpus: corpus/message.
//
// What must hold for any bytes:
//   - however the stream is cut, the same messages come out of it and it ends the same way
//   - a message that came out can be written, unless its header is longer so, and comes out of that again
//   - text is UTF-8 or refused; a refusal has words for its reply
#include <hawser/message.hpp>
#include <hawser/message/binary.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using hawser::bytes_view;
using hawser::messages::decoder;
using hawser::messages::limits;
using hawser::messages::message;
using hawser::messages::message_error;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

struct found {
    std::string type;
    std::string encoding;
    std::endian order;
    std::string content;

    friend bool operator==(const found&, const found&) = default;
};

struct outcome {
    std::vector<found> messages;
    std::string refused; // the words
    std::size_t rest = 0;

    friend bool operator==(const outcome&, const outcome&) = default;
};

void check_written(const message& m, const limits& l)
{
    std::string wire;
    try {
        wire = hawser::messages::encode(m, l);
    } catch (const message_error& e) {
        return require(e.code() == hawser::messages::errc::invalid_message_header);
    }
    decoder in{l};
    const auto again = in.decode(wire);
    require(again && in.needed() == wire.size());
    require(again->type == m.type && again->encoding == m.encoding && again->order == m.order &&
            again->content == m.content);
}

void check_text(const message& m)
{
    try {
        const std::string text = m.text();
        const message as_utf_8{.content = text};
        require(as_utf_8.text() == text);
    } catch (const message_error& e) {
        require(e.is_answerable() && e.reply().starts_with("Error: content"));
    }
}

void check_numbers(const message& m)
{
    hawser::messages::binary_reader in{m};
    hawser::messages::binary_writer out{m.order};
    while (in.rest().size() >= sizeof(std::uint32_t))
        out.write(in.read<std::uint32_t>());
    out.write_bytes(in.rest());
    require(out.bytes() == m.content);
}

// Decodes the stream as it comes in pieces, each time from a copy of nothing but what has come.
outcome receive(bytes_view stream, const limits& l, std::size_t piece)
{
    outcome got;
    decoder in{l};
    std::size_t begin = 0;
    for (std::size_t end = std::min(piece, stream.size());; end = std::min(end + piece, stream.size())) {
        for (;;) {
            const auto copy = std::make_unique<char[]>(end - begin);
            std::copy_n(stream.data() + begin, end - begin, copy.get());
            std::optional<message> m;
            try {
                m = in.decode({copy.get(), end - begin});
            } catch (const message_error& e) {
                require(e.reply() == std::string{"Error: "} + e.what() + '.');
                got.refused = e.what();
                return got;
            }
            if (!m)
                break;
            require(in.needed() > 2 && in.needed() <= end - begin && m->content.size() <= l.content);
            check_written(*m, l);
            check_text(*m);
            check_numbers(*m);
            got.messages.push_back({m->type, m->encoding, m->order, std::string{m->content}});
            begin += in.needed();
        }
        require(in.needed() > end - begin);
        if (end == stream.size())
            break;
    }
    got.rest = stream.size() - begin;
    require(!in.cut(stream.substr(begin)).is_answerable());
    return got;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const bytes_view stream{reinterpret_cast<const char*>(data) + 1, size - 1};
    const limits l = data[0] % 2 == 0 ? limits{} : limits{.header = 120, .content = 16};
    const outcome whole = receive(stream, l, stream.size() + 1);
    require(receive(stream, l, 1 + data[0] / 2U) == whole);
    if (stream.size() < 4096)
        require(receive(stream, l, 1) == whole);
    return 0;
}
