// SPDX-License-Identifier: BSL-1.0
#include "bench_server/talk.hpp"

#include <hawser/http/parser.hpp>
#include <hawser/http/writer.hpp>

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <ctime>

namespace app {
namespace {

namespace http = hawser::http;

constexpr std::string_view hello = "Hello, World!";
constexpr std::size_t piece = 16 * 1024;
constexpr int most_dropped = 64; // pieces

std::string_view receive(int peer, std::array<char, piece>& into, std::size_t most = piece)
{
    ssize_t n = 0;
    do {
        n = ::recv(peer, into.data(), most, 0);
    } while (n < 0 && errno == EINTR);
    return {into.data(), n < 0 ? 0 : static_cast<std::size_t>(n)};
}

void echo(int peer)
{
    std::array<char, piece> data;
    send_all(peer, receive(peer, data, echo_size));
}

// An answer is lost if its connection is closed while input waits that nobody has read.
void end_after_refusal(int peer)
{
    std::array<char, piece> data;
    const timeval wait{.tv_sec = 2, .tv_usec = 0};
    ::setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::shutdown(peer, SHUT_WR);
    for (int i = 0; i < most_dropped && !receive(peer, data).empty(); ++i) {
    }
}

class answers
{
public:
    explicit answers(life length) : once_{length == life::once} {}

    /// Appends the answers to all requests of the input, which are taken away from it, up to the last of the
    /// connection.
    void add(std::string& input, std::string& output)
    {
        hawser::bytes_view left = input;
        while (!last_) {
            const auto state = parser_.parse(left);
            if (state == http::progress::need_more)
                break;
            if (state == http::progress::refused) {
                refused_ = last_ = true;
                append(output, parser_.refusal().status, {});
                break;
            }
            // A body is never read, and so never taken for the next request.
            last_ = once_ || !parser_.head().keep_alive() || parser_.head().has_body();
            refused_ = parser_.head().has_body();
            append(output, http::status::ok, hello);
            left.remove_prefix(parser_.head().size());
            parser_.reset();
        }
        input.erase(0, input.size() - left.size());
    }

    bool last() const noexcept { return last_; }
    bool refused() const noexcept { return refused_; }

private:
    void append(std::string& output, http::status status, std::string_view body)
    {
        http::append_status_line(output, status);
        output += dates_.line(std::time(nullptr));
        if (!body.empty())
            http::append_field(output, "Content-Type", "text/plain");
        if (last_ || parser_.head().minor_version() == 0)
            http::append_connection(output, !last_);
        http::append_content_length(output, body.size());
        http::end_head(output);
        if (parser_.head().method() != http::method::head)
            output += body;
    }

    http::request_parser parser_;
    http::date_cache dates_;
    bool once_;
    bool last_ = false;
    bool refused_ = false;
};

void answer_requests(int peer, life length)
{
    std::array<char, piece> data;
    std::string input;
    std::string output;
    answers all{length};
    while (!all.last()) {
        const auto received = receive(peer, data);
        if (received.empty())
            return;
        input += received;
        output.clear();
        all.add(input, output);
        if (!send_all(peer, output))
            return;
    }
    if (all.refused() || !input.empty())
        end_after_refusal(peer);
}

} // namespace

void talk(int peer, reply what, life length)
{
    if (what == reply::echo)
        echo(peer);
    else
        answer_requests(peer, length);
}

} // namespace app
