// SPDX-License-Identifier: BSL-1.0

// What a request costs the server, beside what it costs its sender: nobody may keep a server busy for next to nothing.
//
//     http_asymmetry CORPUS    a folder of request streams, one a file, to be tried beside those named in here
//
// Each stream goes over sockets many times, from a client that writes it and reads to the end, and does nothing else.
// The server's processor time is the process's without the client's thread. Prints for each stream how many times its
// client's time it took; exit 1 if one took five times as much or more.
#include <hawser/http/server.hpp>
#include <hawser/server.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

using namespace hawser;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr double most = 5; // times the client's
constexpr int times = 300;

double seconds_of(clockid_t clock)
{
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

awaitable<void> echo_body(http::request& request, http::response& response)
{
    co_await response.send(co_await request.read_all());
}

// Ends its side once it has sent everything, and takes whatever comes.
void exchange(asio::io_context& context, const tcp::endpoint& where, const std::string& stream)
{
    tcp::socket socket{context};
    socket.connect(where);
    error_code ignored; // the server may have refused it before its end
    asio::write(socket, asio::buffer(stream), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    char taken[16 * 1024];
    while (socket.read_some(asio::buffer(taken), ignored) != 0) {
    }
}

std::string repeated(const std::string& part, std::size_t n)
{
    std::string text;
    while (n-- != 0)
        text += part;
    return text;
}

// The costliest that we can think of, and what fuzzing has kept.
std::map<std::string, std::string> streams(const char* corpus)
{
    const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\n";
    const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
    std::map<std::string, std::string> all{
        {"100 fields", begin + repeated("a: b\r\n", 98) + "\r\n"},
        {"fields up to the limit", begin + repeated("a: " + std::string(155, 'b') + "\r\n", 98) + "\r\n"},
        {"one field up to the limit", begin + "a: " + std::string(16'000, 'b') + "\r\n\r\n"},
        {"connection options", begin + "Connection: " + repeated("a,", 7'000) + "a\r\n\r\n"},
        {"codings", post + "Transfer-Encoding: " + repeated("a,", 7'000) + "chunked\r\n\r\n"},
        {"target up to the limit", "GET /" + repeated("%41", 2'700) + " HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"chunks of a byte", post + "Transfer-Encoding: chunked\r\n\r\n" + repeated("1\r\na\r\n", 3'000) + "0\r\n\r\n"},
        {"pipelined requests", repeated(begin + "\r\n", 500)},
    };
    const std::size_t named = all.size();
    for (const auto& file : std::filesystem::directory_iterator{corpus}) {
        std::ifstream in{file.path(), std::ios::binary};
        in.ignore(2); // the fuzzer's choice of limits, and of where to cut the stream
        all[file.path().filename()] = {std::istreambuf_iterator<char>{in}, {}};
    }
    if (all.size() == named)
        throw std::invalid_argument{std::string{corpus} + ": expected files of requests, got none"};
    return all;
}

// The server's processor time by the client's.
double measured(asio::io_context& context, const tcp::endpoint& where, const std::string& stream)
{
    exchange(context, where, stream); // warm
    const double own = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    const double both = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < times; ++i)
        exchange(context, where, stream);
    const double client = seconds_of(CLOCK_THREAD_CPUTIME_ID) - own;
    return (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - both) / client - 1;
}

// What is too much once may be this machine's doing: then the least of three.
double cost(asio::io_context& context, const tcp::endpoint& where, const std::string& stream)
{
    double least = measured(context, where, stream);
    for (int again = 0; again < 2 && least >= most; ++again)
        least = std::min(least, measured(context, where, stream));
    return least;
}

} // namespace

int main(int argc, char** argv)
try {
    if (argc != 2)
        throw std::invalid_argument{"expected the folder of a corpus"};
    runtime loops{{.loops = 1}};
    server serving{loops, {.observer = std::make_shared<observer>()}}; // says nothing of what is refused
    serving.listen("tcp://127.0.0.1:0", http::serve(echo_body));
    loops.start();
    const tcp::endpoint where{asio::ip::make_address("127.0.0.1"), serving.endpoints().front().port()};
    asio::io_context context;

    bool fair = true;
    for (const auto& [name, stream] : streams(argv[1])) {
        const double found = cost(context, where, stream);
        std::printf("%4.1f times its client's: %s%s\n", found, name.c_str(), found < most ? "" : " (too much)");
        fair = fair && found < most;
    }
    serving.drain();
    if (!serving.wait().clean())
        throw std::runtime_error{"the drain cut a connection"};
    return fair ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "http_asymmetry: %s\n", error.what());
    return 2;
}
