// SPDX-License-Identifier: BSL-1.0

// Reads streams of requests with the library's parser, and says what it accepted: for a test that compares it with
// another.
//
// Standard input: for each stream, its size as 4 bytes, little-endian, and its bytes. Standard output: for each a line,
//
//     {"requests": [{"method": H, "target": H, "minor": 1, "fields": [[H, H], ...], "body": H}, ...], "refused": 0}
//
// with H a string of bytes in hexadecimal digits, and the status of the refusal, or 0. A stream is read whole, then
// byte by byte, and what was accepted of it with Beast's parser; it is an error if these differ.
#include "beast_reader.hpp"
#include "http_stream.hpp"

#include <cstdint>
#include <iostream>
#include <string>

namespace {

using hawser::test::http_reader;
using hawser::test::http_reading;
using hawser::test::http_request;

std::string hex(const std::string& bytes)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string text = "\"";
    for (const char c : bytes) {
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text + '"';
}

void print(const http_request& request)
{
    std::cout << R"({"method": )" << hex(request.method) << R"(, "target": )" << hex(request.target) << R"(, "minor": )"
              << request.minor_version << R"(, "fields": [)";
    const char* between = "";
    for (const auto& [name, value] : request.fields) {
        std::cout << between << '[' << hex(name) << ", " << hex(value) << ']';
        between = ", ";
    }
    std::cout << R"(], "body": )" << hex(request.body) << '}';
}

void print(const http_reading& got)
{
    std::cout << R"({"requests": [)";
    const char* between = "";
    for (const http_request& request : got.requests) {
        std::cout << between;
        print(request);
        between = ", ";
    }
    std::cout << R"(], "refused": )" << got.refused << "}\n";
}

bool read_stream(std::string& stream)
{
    unsigned char head[4];
    if (!std::cin.read(reinterpret_cast<char*>(head), sizeof head))
        return false;
    std::uint32_t size = 0;
    for (int i = 3; i >= 0; --i)
        size = size << 8 | head[i];
    stream.resize(size);
    return static_cast<bool>(std::cin.read(stream.data(), static_cast<std::streamsize>(size)));
}

} // namespace

int main()
{
    std::ios::sync_with_stdio(false);
    for (std::string stream; read_stream(stream);) {
        const http_reading got = hawser::test::read_http(stream);
        if (http_reader{}.read(stream, 1, 1) != got) {
            std::cerr << "byte by byte, another outcome: " << hex(stream) << "\n";
            return 1;
        }
        if (!hawser::test::beast_agrees(got.requests, stream)) {
            std::cerr << "with Beast, another outcome: " << hex(stream) << "\n";
            return 1;
        }
        print(got);
    }
}
