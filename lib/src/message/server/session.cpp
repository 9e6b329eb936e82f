// SPDX-License-Identifier: BSL-1.0
#include <hawser/message/session.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace hawser::inline v0_1::messages {
namespace {

constexpr double bytes_a_second = 64 * 1024;
constexpr double longest = 1e9; // seconds, so that no announced length overflows

struct serving {
    handler handle;
    serve_options options;
};

// The longer the message is known to be, the longer it may take.
duration time_for(const connection& peer, std::size_t size)
{
    const duration frame = peer.timeouts().frame;
    if (frame == never)
        return never;
    const std::chrono::duration<double> transfer{std::min(static_cast<double>(size) / bytes_a_second, longest)};
    return frame + std::chrono::duration_cast<duration>(transfer);
}

// The idle deadline is an end like the peer's: the connection remembers why.
awaitable<std::optional<message>> next_message(connection& peer, limits l)
{
    try {
        co_return co_await read_message(peer, l);
    } catch (const system_error& e) {
        if (e.code() != hawser::errc::idle_timeout)
            throw;
    }
    co_return std::nullopt;
}

awaitable<void> answer_each(connection& peer, const serving& with)
{
    do {
        const auto request = co_await next_message(peer, with.options.limits);
        if (!request)
            co_return;
        co_await with.handle(peer, *request);
    } while (!with.options.once);
}

awaitable<void> send_reply(connection& peer, const message_error& refused)
{
    const std::string text = json_object({{"result", refused.reply()}});
    const message reply{.content = text};
    co_await write_message(peer, reply);
}

// Whatever becomes of the reply, what it was about is what ended the session.
awaitable<void> end_with(connection& peer, const message_error& refused)
{
    try {
        if (refused.is_answerable())
            co_await send_reply(peer, refused);
        co_await peer.close();
    } catch (const system_error&) {
    }
}

awaitable<void> run_session(std::shared_ptr<const serving> with, connection& peer)
{
    std::optional<message_error> refused;
    try {
        co_await answer_each(peer, *with);
    } catch (const message_error& e) {
        refused = e;
    }
    if (!refused)
        co_return;
    co_await end_with(peer, *refused);
    throw message_error{*refused};
}

} // namespace

awaitable<std::optional<message>> read_message(connection& peer, limits l)
{
    decoder in{l};
    unit begun; // with the first byte that comes
    bytes_view input = peer.buffered();
    if (!input.empty())
        begun = peer.begin_unit();
    std::optional<message> whole = in.decode(input);
    while (!whole) {
        if (begun.is_open())
            begun.allow(time_for(peer, in.needed()));
        try {
            co_await peer.wait_for_input(input.size());
        } catch (const system_error& e) {
            if (e.code() != hawser::errc::unexpected_end)
                throw;
            throw in.cut(peer.buffered());
        }
        input = peer.buffered();
        if (input.empty())
            co_return std::nullopt;
        if (!begun.is_open())
            begun = peer.begin_unit();
        whole = in.decode(input);
    }
    begun.end(); // and what answered the one before is whole
    peer.consume(in.needed());
    co_return whole;
}

awaitable<std::optional<message>> read_message(connection& peer)
{
    return read_message(peer, limits{});
}

awaitable<void> write_message(connection& peer, const message& m, limits l)
{
    const std::string whole = encode(m, l);
    const framing as_it_is = framing::fixed(whole.size());
    co_await peer.write_frame(whole, as_it_is);
}

awaitable<void> write_message(connection& peer, const message& m)
{
    return write_message(peer, m, limits{});
}

std::function<awaitable<void>(connection&)> serve(handler h, const serve_options& options)
{
    validate(options.limits);
    if (!h)
        throw std::invalid_argument{"messages::serve: expected a handler, got an empty function"};
    auto shared = std::make_shared<const serving>(serving{std::move(h), options});
    return [shared](connection& peer) { return run_session(shared, peer); };
}

} // namespace hawser::inline v0_1::messages
