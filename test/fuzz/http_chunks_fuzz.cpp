// SPDX-License-Identifier: BSL-1.0

// libFuzzer target of the body decoder, for a chunked body. The first byte of an input chooses the limit, the second
// where the rest is cut; the rest is the body. Corpus: corpus/http_chunks.
//
// What must hold for any bytes:
//   - however the body is cut, the same data comes out of it and it ends the same way
//   - no more comes out than the limit, nor than went in, and what surrounds it has its own limits
//   - what came out, written as one chunk and as chunks of one byte, comes out again
#include <hawser/http/parser.hpp>
#include <hawser/http/writer.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace {

using namespace hawser::http;
using hawser::bytes_view;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

struct outcome {
    std::string body;
    body_state state = body_state::need_more;
    std::size_t consumed = 0;
    int refused = 0;
    std::string words;

    friend bool operator==(const outcome&, const outcome&) = default;
};

outcome decode(bytes_view stream, std::uint64_t limit, std::size_t piece)
{
    request_parser parser;
    require(parser.parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n") == progress::complete);
    body_decoder decoder;
    decoder.start(parser.head(), limit);

    outcome got;
    std::size_t at = 0;
    for (std::size_t end = std::min(piece, stream.size());; end = std::min(end + piece, stream.size())) {
        const auto copy = std::make_unique<char[]>(end - at);
        std::copy(stream.begin() + static_cast<std::ptrdiff_t>(at), stream.begin() + static_cast<std::ptrdiff_t>(end),
                  copy.get());
        bytes_view left{copy.get(), end - at};
        do {
            const body_step step = decoder.next(left);
            require(step.consumed <= left.size());
            require((step.state == body_state::data) == !step.data.empty());
            left.remove_prefix(step.consumed);
            at += step.consumed;
            got.body += step.data;
            got.state = step.state;
            require(decoder.received() == got.body.size());
        } while (got.state == body_state::data);
        if (got.state != body_state::need_more || end == stream.size())
            break;
        require(at == end);
    }
    got.consumed = got.state == body_state::refused ? 0 : at;
    got.refused = static_cast<int>(decoder.refusal().status);
    got.words = decoder.refusal().words;
    require((got.state == body_state::refused) == (got.refused != 0));
    require(decoder.done() == (got.state == body_state::done));

    // The body, its overhead, the trailer section, and no more.
    const std::size_t most = body_decoder::overhead_allowance + 2 * got.body.size() + head_limits{}.head;
    require(got.body.size() <= limit && at <= most && at >= got.body.size());
    return got;
}

void check_written(bytes_view body)
{
    std::string one;
    append_chunk(one, body);
    append_last_chunk(one);
    const outcome got = decode(one, body.size(), one.size());
    require(got.state == body_state::done && got.body == body);

    std::string many;
    for (const char& byte : body.substr(0, 1000))
        append_chunk(many, {&byte, 1});
    append_last_chunk(many);
    require(decode(many, body.size(), 3).body == body.substr(0, 1000));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    constexpr std::uint64_t limits[] = {1024 * 1024, 0, 3, 100, ~std::uint64_t{0}};
    const std::uint64_t limit = limits[data[0] % std::size(limits)];
    const bytes_view stream{reinterpret_cast<const char*>(data) + 2, size - 2};

    const outcome whole = decode(stream, limit, std::max<std::size_t>(stream.size(), 1));
    require(decode(stream, limit, 1) == whole);
    require(decode(stream, limit, 1 + data[1]) == whole);
    check_written(whole.body);
    return 0;
}
