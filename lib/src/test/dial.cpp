// SPDX-License-Identifier: BSL-1.0

// world::dial(): both ends of a connection in memory, over TLS too.
#include <hawser/test/world.hpp>

#include "loop/expiry.hpp"
#include "test/relay.hpp"
#include "test/world_inside.hpp"
#include "tls/client_contexts.hpp"
#include "transport/tls_engine.hpp"

namespace hawser::inline v0_1::test {

using namespace hawser::detail;

namespace {

constexpr auto family = polled_socket::family::unix_path;

any_stream made_or_thrown(any_stream made, const error_code& e)
{
    if (e)
        throw hawser::error{e};
    return made;
}

any_stream tls_over(loop& on, descriptor fd, const std::shared_ptr<const tls_configuration>& server)
{
    error_code e;
    return made_or_thrown(
        any_stream{std::in_place_type<tls_stream>, on.sockets(), std::move(fd), family, server, on.blocks(), e}, e);
}

any_stream tls_over(loop& on, descriptor fd, const tls_client& client)
{
    error_code e;
    return made_or_thrown(any_stream{std::in_place_type<tls_stream>, on.sockets(), std::move(fd), family,
                                     client_context(client_context_key{client}),
                                     client.server_name.value_or("localhost"), on.blocks(), e},
                          e);
}

connection client_over(loop& on, any_stream stream, const connect_options& with)
{
    auto configured = std::make_shared<const settings>(settings_of(with.framing, with.timeouts, with.limits));
    return core_access::make(new connection_core{on, std::move(stream), std::move(configured), {}});
}

awaitable<void> shake_hands(loop& on, connection& made, duration within)
{
    connection_core& c = core_access::get(made);
    const expiry due{on, within, [&c] { c.cancel_read(); }};
    try {
        co_await c.handshake();
        co_return;
    } catch (const tls_error&) {
        throw;
    } catch (const system_error&) {
        if (!due.passed())
            throw;
    }
    made.reset();
    throw tls_error{errc::handshake_timeout, "handshake_timeout"};
}

} // namespace

awaitable<connection> world::dial(session_handler handler)
{
    return dial(std::move(handler), listen_options{}, connect_options{});
}

awaitable<connection> world::dial(session_handler handler, listen_options how, connect_options with)
{
    loop& on = inside_->on();
    if (!how.tls) {
        auto link = inside_->link(inbound, outbound);
        connection made = client_over(on, any_stream{memory_stream{link, 1}}, with);
        inside_->begin_session(std::move(handler), how, any_stream{memory_stream{std::move(link), 0}});
        co_return made;
    }
    auto between = std::make_unique<test_relay>(inside_->link(inbound, outbound));
    any_stream there = tls_over(on, between->take_end(0), std::make_shared<const tls_configuration>(*how.tls));
    any_stream here = tls_over(on, between->take_end(1), with.tls);
    inside_->relays.push_back(std::move(between));
    connection made = client_over(on, std::move(here), with);
    inside_->begin_session(std::move(handler), how, std::move(there));
    co_await shake_hands(on, made, with.handshake_timeout.value_or(with.connect_timeout));
    co_return made;
}

} // namespace hawser::inline v0_1::test
