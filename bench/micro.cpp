// SPDX-License-Identifier: BSL-1.0

// Micro-benchmarks of the parts that every message passes and that no socket hides: the frame codec, HTTP's parser and
// writer, and the timing wheel. Run by hand, `micro --benchmark_filter=decode` for a part; the figures that are
// published are run.py's.
#include "loop/wheel.hpp"

#include <hawser/framing.hpp>
#include <hawser/http/parser.hpp>
#include <hawser/http/writer.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using hawser::framing;

// ---- The codec

constexpr std::size_t batch = 128;

void append(std::string& stream, const framing& format, hawser::bytes_view frame)
{
    char head[framing::max_head];
    stream.append(head, format.encode_head(head, frame));
    stream += frame;
    stream += format.tail(frame);
}

void decode(benchmark::State& state, const framing& format)
{
    const std::string frame(64, 'x');
    std::string stream;
    for (std::size_t i = 0; i < batch; ++i)
        append(stream, format, frame);

    for (auto _ : state) {
        hawser::bytes_view rest = stream;
        while (!rest.empty()) {
            const auto found = format.decode(rest);
            benchmark::DoNotOptimize(found.frame.data());
            rest.remove_prefix(found.consumed);
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

void encode(benchmark::State& state, const framing& format)
{
    const std::string frame(64, 'x');
    std::string stream;
    stream.reserve(batch * (frame.size() + framing::max_head + framing::max_tail));

    for (auto _ : state) {
        stream.clear();
        for (std::size_t i = 0; i < batch; ++i)
            if (!format.check(frame))
                append(stream, format, frame);
        benchmark::DoNotOptimize(stream.data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

constexpr framing counts_itself{{.width = 2, .covers = framing::whole_frame}};

BENCHMARK_CAPTURE(decode, u32_be, framing::u32_be);
BENCHMARK_CAPTURE(decode, u16_that_counts_itself, counts_itself);
BENCHMARK_CAPTURE(decode, varint, framing::varint);
BENCHMARK_CAPTURE(decode, netstring, framing::netstring);
BENCHMARK_CAPTURE(decode, lines, framing::lines);
BENCHMARK_CAPTURE(encode, u32_be, framing::u32_be);
BENCHMARK_CAPTURE(encode, varint, framing::varint);

// ---- HTTP

// What wrk, ab and a browser send.
constexpr const char* of_wrk = "GET / HTTP/1.1\r\nHost: localhost:8001\r\n\r\n";

constexpr const char* of_ab = "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nHost: localhost:8001\r\n"
                              "User-Agent: ApacheBench/2.3\r\nAccept: */*\r\n\r\n";

constexpr const char* of_browser =
    "GET /index.html HTTP/1.1\r\nHost: www.example.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\nUpgrade-Insecure-Requests: 1\r\n\r\n";

void parse_request(benchmark::State& state, const char* request)
{
    const std::string bytes = request;
    hawser::http::request_parser parser;
    for (auto _ : state) {
        parser.reset();
        if (parser.parse(bytes) != hawser::http::progress::complete)
            state.SkipWithError("refused");
        benchmark::DoNotOptimize(parser.head().path().data());
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void write_response(benchmark::State& state)
{
    std::string out;
    hawser::http::date_cache dates;
    for (auto _ : state) {
        out.clear();
        hawser::http::append_status_line(out, hawser::http::status::ok);
        out += dates.line(784'111'777);
        hawser::http::append_field(out, "Content-Type", "text/plain");
        hawser::http::append_content_length(out, 13);
        hawser::http::end_head(out);
        out += "Hello, World!";
        benchmark::DoNotOptimize(out.data());
    }
}

BENCHMARK_CAPTURE(parse_request, of_wrk, of_wrk);
BENCHMARK_CAPTURE(parse_request, of_ab, of_ab);
BENCHMARK_CAPTURE(parse_request, of_browser, of_browser);
BENCHMARK(write_response);

// ---- The wheel

// What a connection has: a deadline that moves at each message, and is looked at now and then.
struct deadline final : hawser::detail::wheel::entry {
    hawser::time_point at = hawser::time_point::max();

    hawser::time_point on_due(hawser::time_point now) override { return at > now ? at : hawser::time_point::max(); }
};

constexpr hawser::time_point start{1h};

void move_deadline_later(benchmark::State& state)
{
    hawser::detail::wheel wheel{start};
    deadline entry;
    auto now = start;
    for (auto _ : state) {
        now += 1us;
        entry.at = now + 75s;
        wheel.arm(entry, entry.at);
        benchmark::DoNotOptimize(entry.at);
    }
    wheel.cancel(entry);
}

void arm_and_cancel(benchmark::State& state)
{
    hawser::detail::wheel wheel{start};
    deadline entry;
    for (auto _ : state) {
        wheel.arm(entry, start + 10s);
        wheel.cancel(entry);
    }
}

// One second passes for so many connections, all of which have moved their deadline of 75 s in it.
void a_second_of_busy_connections(benchmark::State& state)
{
    hawser::detail::wheel wheel{start};
    std::vector<std::unique_ptr<deadline>> entries(static_cast<std::size_t>(state.range(0)));
    auto now = start;
    auto spread = 0ms;
    for (auto& entry : entries) {
        entry = std::make_unique<deadline>();
        entry->at = now + 75s + (spread += 1ms) % 1000;
        wheel.arm(*entry, entry->at);
    }
    for (auto _ : state) {
        now += 1s;
        for (auto& entry : entries) {
            entry->at += 1s;
            wheel.arm(*entry, entry->at);
        }
        wheel.advance(now);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    for (auto& entry : entries)
        wheel.cancel(*entry);
}

BENCHMARK(move_deadline_later);
BENCHMARK(arm_and_cancel);
BENCHMARK(a_second_of_busy_connections)->Arg(64)->Arg(10'000);

} // namespace
