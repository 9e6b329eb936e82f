// SPDX-License-Identifier: BSL-1.0

// message_client: sends one request as an application message, and prints the answer.
#include "common/client_options.hpp"
#include "common/program.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"
#include "message/content.hpp"

#include <hawser/connect.hpp>
#include <hawser/message/session.hpp>
#include <hawser/runtime.hpp>

#include <iostream>
#include <stdexcept>

namespace {

namespace messages = hawser::messages;

// The content of a request, and what it is.
struct request {
    std::string content;
    bool json;

    request(const std::string& action, const std::string& value)
        : content{action == "search" ? search(value) : action + value}, json{action == "search"}
    {}

    messages::message message() const
    {
        if (json)
            return {.content = content};
        return {.type = "binary/custom-client-binary-type", .encoding = "binary", .content = content};
    }

private:
    static std::string search(const std::string& value)
    {
        try {
            return messages::json_object({{"action", "search"}, {"value", value}});
        } catch (const std::invalid_argument&) {
            throw app::usage_error{"VALUE: expected UTF-8, got " + app::shown(value)};
        }
    }
};

void tell(const app::client_options& options, const char* done, const messages::message& m)
{
    if (options.verbose())
        std::cerr << std::string{done} + ' ' + app::header_line(m) + '\n';
}

[[noreturn]] void fail(const hawser::endpoint& where, const std::string& got)
{
    throw app::failure{where.to_string() + ": expected an answer, got " + got};
}

// What a person wants of an answer: the result, or the bytes.
std::string result_of(const hawser::endpoint& where, const messages::message& answer)
{
    if (!answer.is_json())
        return std::string{answer.content};
    std::string result = app::object_content{answer, {"result"}}.text("result");
    if (result.starts_with("Error: "))
        fail(where, app::shown(result));
    return result;
}

hawser::awaitable<void> talk(const app::client_options& options, hawser::endpoint where, const request& asked)
{
    auto peer = co_await options.connect(where);
    const messages::message question = asked.message();
    co_await messages::write_message(peer, question);
    tell(options, "sent", question);
    const auto answer = co_await messages::read_message(peer);
    if (!answer)
        fail(where, "the end of the connection");
    tell(options, "received", *answer);
    app::print("received " + app::shown(result_of(where, *answer)));
    co_await peer.close();
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{"message_client",
                           "Sends one request as an application message, and prints the answer.",
                           {.form = "HOST PORT|ENDPOINT ACTION VALUE",
                            .meaning = "HOST PORT or ENDPOINT: the server\n"
                                       "ACTION: search asks for VALUE in JSON; any other is sent with VALUE as bytes",
                            .least = 3,
                            .most = 4}};
    app::client_options options{line};
    line.add_note("-v also prints the header of each message.");

    return app::run_client(line, argc, argv, [&] {
        std::vector<std::string> texts = line.arguments();
        const request asked{texts.at(texts.size() - 2), texts.back()};
        texts.resize(texts.size() - 2);
        const hawser::endpoint where = app::read_address(texts);

        hawser::runtime runtime{{.loops = 1, .blocked_after = hawser::never}};
        try {
            hawser::run(runtime, talk(options, where, asked));
        } catch (const hawser::system_error& error) {
            options.fail(where, error);
        }
    });
}
