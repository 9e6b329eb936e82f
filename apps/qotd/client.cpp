// SPDX-License-Identifier: BSL-1.0

// qotd_client: asks a server for a quote (RFC 865), over UDP with an empty datagram, or over TCP.
#include "common/answer.hpp"
#include "common/client_options.hpp"
#include "common/host.hpp"
#include "common/program.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"
#include "qotd/quotes.hpp"

#include <hawser/connect.hpp>
#include <hawser/datagram.hpp>
#include <hawser/runtime.hpp>

#include <boost/asio/this_coro.hpp>

#include <optional>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t port = 17;
constexpr int tries = 3;
constexpr hawser::duration wait_for_answer = 2s;

// Asks a server over UDP, at each of its addresses in turn.
class asker
{
public:
    asker(const app::client_options& options, hawser::endpoint where) : options_{options}, where_{std::move(where)} {}

    /// The quote. A try ends with the wait; an address that refuses is not asked again.
    hawser::awaitable<std::string> ask()
    {
        co_await connect();
        std::size_t next = 0;
        for (int tried = 0; tried < tries;) {
            if (sockets_.empty())
                options_.fail(where_, hawser::system_error{refused_});
            const auto at = sockets_.begin() + static_cast<std::ptrdiff_t>(next++ % sockets_.size());
            std::optional<std::string> quote = co_await ask_once(*at);
            if (quote)
                co_return *quote;
            if (refused_)
                sockets_.erase(at);
            else
                ++tried;
        }
        throw app::failure{where_.to_string() + ": receive_timeout after " + app::to_string(wait()) + ", " +
                           std::to_string(tries) + " times"};
    }

private:
    hawser::duration wait() const { return options_.timeout().value_or(wait_for_answer); }

    hawser::awaitable<void> connect()
    {
        const auto all = co_await hawser::datagram_addresses(where_, wait());
        for (const hawser::datagram_address& peer : all) {
            hawser::datagram_socket made{co_await boost::asio::this_coro::executor};
            try {
                if (options_.source())
                    made.bind(hawser::endpoint::udp(*options_.source(), 0));
                made.connect(peer);
            } catch (const hawser::endpoint_error&) { // of the source: it will not do for another address either
                throw;
            } catch (const hawser::system_error& error) {
                refused_ = error.code();
                continue;
            }
            options_.say_connected(made.local_endpoint().to_string(), made.peer_endpoint()->to_string());
            sockets_.push_back(std::move(made));
        }
    }

    // Nothing if there is no answer: then refused_ says whether the address refused.
    hawser::awaitable<std::optional<std::string>> ask_once(hawser::datagram_socket& socket)
    {
        refused_ = {};
        std::string room(app::longest_quote, '\0');
        hawser::datagram answer;
        try {
            co_await socket.send("");
            answer = co_await socket.receive(room, wait());
        } catch (const hawser::system_error& error) {
            if (error.code() != hawser::datagram_errc::receive_timeout)
                refused_ = error.code();
            co_return std::nullopt;
        }
        if (answer.truncated())
            throw app::failure{where_.to_string() + ": expected at most " + std::to_string(app::longest_quote) +
                               " bytes, got " + std::to_string(answer.size)};
        if (answer.size == 0)
            throw app::failure{where_.to_string() + ": expected an answer, got an empty datagram"};
        co_return std::string{answer.payload};
    }

    const app::client_options& options_;
    const hawser::endpoint where_;
    std::vector<hawser::datagram_socket> sockets_; // connected to one address each
    hawser::error_code refused_;
};

hawser::awaitable<void> ask(const app::client_options& options, hawser::endpoint where)
{
    std::string quote;
    if (where.scheme() == hawser::endpoint::scheme_type::udp) {
        asker udp{options, where};
        quote = co_await udp.ask();
    } else {
        auto peer = co_await options.connect(where);
        co_await app::read_to_end(peer, where, app::longest_quote, quote);
        co_await peer.close();
    }
    app::print_lines(quote);
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{"qotd_client",
                           "Asks a server for a quote (RFC 865): over UDP with an empty datagram, up to 3 times.",
                           {.form = "HOST|ENDPOINT",
                            .meaning = "HOST, HOST:PORT or ENDPOINT: the server (default port: 17)",
                            .least = 1,
                            .most = 1}};
    bool tcp = false;
    line.add_switch("--tcp", tcp, "Over TCP");
    app::client_options options{line, "Over UDP, time for each answer (default: " + app::to_string(wait_for_answer) +
                                          "); over TCP, time to connect, and for the answer"};

    line.add_note("An ENDPOINT is udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or unix:PATH.");

    return app::run_client(line, argc, argv, [&] {
        const std::string& text = line.arguments().front();
        const hawser::endpoint where = app::read_host(text, tcp ? "tcp" : "udp", port);
        if (tcp && where.scheme() == hawser::endpoint::scheme_type::udp)
            throw app::usage_error{"--tcp: expected no udp:// endpoint with it, got " + app::shown(text)};
        options.check(where);
        hawser::runtime runtime{{.loops = 1, .blocked_after = hawser::never}};
        try {
            hawser::run(runtime, ask(options, where));
        } catch (const hawser::system_error& error) {
            options.fail(where, error);
        }
    });
}
