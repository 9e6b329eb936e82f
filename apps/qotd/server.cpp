// SPDX-License-Identifier: BSL-1.0

// qotd_server: answers with a quote (RFC 865): each datagram over UDP, each connection over TCP.
#include "common/program.hpp"
#include "common/serve.hpp"
#include "common/server_options.hpp"
#include "common/values.hpp"
#include "qotd/quotes.hpp"

#include <hawser/datagram.hpp>
#include <hawser/server.hpp>

#include <optional>

namespace {

// Two services that answer whatever they get, echo and quotes among them, would keep each other busy for ever once a
// datagram with a forged sender has made them meet. Their ports give them away: clients have other ones.
bool is_a_service(const hawser::datagram_request& request)
{
    constexpr std::uint16_t first_of_clients = 1024;
    return request.sender().port() < first_of_clients || request.sender().port() == request.local_endpoint().port();
}

// Whatever a datagram holds, and if it is nothing, it asks for a quote.
hawser::datagram_handler to_datagrams(app::quotes& all)
{
    return [&all](hawser::datagram_request& request) -> hawser::awaitable<void> {
        if (!is_a_service(request))
            co_await request.send(all.next());
    };
}

hawser::session_handler to_connections(app::quotes& all)
{
    return [&all](hawser::connection& peer) -> hawser::awaitable<void> { co_await peer.write(all.next()); };
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{"qotd_server",
                           "Answers each datagram and each connection with a quote (RFC 865).",
                           {.form = "[ENDPOINT...]",
                            .meaning = "ENDPOINT: where to listen, udp://HOST:PORT too (default: udp://127.0.0.1:10017 "
                                       "and tcp://127.0.0.1:10017)"}};
    std::optional<std::string> file;
    line.add_value("--quotes", "FILE",
                   "Quotes of at most 512 bytes, with a line of one % between them (default: some of our own)",
                   [&file](const std::string& text) { file = app::read_file_name(text); });
    app::server_options options{line};
    options.add_datagram_rate(line);

    return app::run_server(line, argc, argv, [&] {
        auto endpoints = app::read_endpoints(line.arguments(), "udp://127.0.0.1:10017");
        if (line.arguments().empty())
            endpoints.emplace_back("tcp://127.0.0.1:10017");
        std::optional<app::quotes> quotes;
        if (file)
            quotes.emplace(*file);
        else
            quotes.emplace();
        options.begin(endpoints);

        hawser::runtime runtime{options.runtime()};
        hawser::server server{runtime, options.server()};
        for (const auto& where : endpoints)
            if (where.scheme() == hawser::endpoint::scheme_type::udp)
                hawser::listen_datagrams(server, where, to_datagrams(*quotes),
                                         options.listen_to_datagrams(app::longest_quote));
            else
                server.listen(where, to_connections(*quotes), options.listen(where));
        return app::serve(runtime, server, options);
    });
}
