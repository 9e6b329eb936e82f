// SPDX-License-Identifier: BSL-1.0

// libFuzzer target of the request parser, bodies included. The first byte of an input chooses the limits, the second
// where the rest is cut; the rest is the stream. Corpus: corpus/http_request.
//
// What must hold for any bytes:
//   - however the stream is cut, the same requests come out of it and it ends the same way
//   - what was accepted is written again as a request that is accepted as the same
//   - nothing that was accepted holds a byte that could end a line
#include "../support/http_stream.hpp"

#include <hawser/http/writer.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using hawser::bytes_view;
using hawser::http::head_limits;
using hawser::test::http_reader;
using hawser::test::http_reading;
using hawser::test::http_request;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

constexpr head_limits limits[] = {
    {},
    {.head = 64, .fields = 3, .target = 8},
    {.head = 200, .fields = 100, .target = 100},
    {.head = 65'535, .fields = 1'000, .target = 65'535},
};
constexpr std::uint64_t body_limits[] = {1024 * 1024, 0, 10, 1000};

bool ends_a_line(std::string_view text)
{
    return text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos;
}

// Written by the library's own writer, framing as it was received.
std::string write_again(const http_request& request, std::uint64_t& max_body)
{
    std::string head;
    hawser::http::append_request_line(head, request.method, request.target);
    if (request.minor_version == 0)
        head.replace(head.size() - 3, 1, "0");
    std::string body = request.body;
    for (const auto& [name, value] : request.fields) {
        require(!ends_a_line(name) && !ends_a_line(value));
        if (hawser::http::same_name(name, "transfer-encoding")) {
            hawser::http::append_chunked(head);
            body.clear();
            hawser::http::append_chunk(body, request.body);
            hawser::http::append_last_chunk(body);
        } else if (hawser::http::same_name(name, "content-length")) {
            hawser::http::append_content_length(head, request.body.size());
        } else {
            hawser::http::append_field(head, name, value);
        }
    }
    hawser::http::end_head(head);
    max_body = request.body.size();
    return head + body;
}

// Equal in all but the spelling of what frames the body.
bool same(http_request a, http_request b)
{
    for (http_request* each : {&a, &b}) {
        for (auto& [name, value] : each->fields) {
            const bool length = hawser::http::same_name(name, "content-length");
            if (length || hawser::http::same_name(name, "transfer-encoding")) {
                name = length ? "length" : "coding";
                value.clear();
            }
        }
    }
    return a == b;
}

void check_written(const http_request& request)
{
    require(!ends_a_line(request.target) && !ends_a_line(request.host) && !ends_a_line(request.method));
    std::uint64_t max_body = 0;
    const std::string stream = write_again(request, max_body);
    // White space that was not received stands behind each colon.
    if (stream.size() - request.body.size() > limits[3].head)
        return;
    const head_limits widest = limits[3];
    const http_reading again = http_reader{max_body, widest}.read(stream, stream.size(), 1);
    require(again.requests.size() == 1 && again.refused == 0 && again.rest == 0);
    require(same(again.requests.front(), request));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    const head_limits& limit = limits[data[0] % std::size(limits)];
    const std::uint64_t max_body = body_limits[data[0] / 4 % std::size(body_limits)];
    const bytes_view stream{reinterpret_cast<const char*>(data) + 2, size - 2};

    const http_reading whole = http_reader{max_body, limit}.read(stream, stream.size(), 1);
    require(http_reader(max_body, limit).read(stream, 1 + data[1], 1 + data[1] % 13) == whole);
    if (stream.size() < 4096)
        require(http_reader(max_body, limit).read(stream, 1, 1) == whole);
    require((whole.refused == 0) == whole.words.empty());
    for (const http_request& request : whole.requests)
        check_written(request);
    return 0;
}
