// SPDX-License-Identifier: BSL-1.0
#include <hawser/connect.hpp>

#include "client/attempts.hpp"
#include "client/context_loading.hpp"
#include "connection/core.hpp"
#include "loop/expiry.hpp"
#include "names/resolver.hpp"
#include "sockets/binding.hpp"
#include "sockets/keep_alive.hpp"
#include "transport/tls_engine.hpp"
#include "values/name_rules.hpp"
#include "values/scope_exit.hpp"
#include "values/text.hpp"

#include <boost/asio/this_coro.hpp>

#include <netinet/tcp.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace hawser::inline v0_1 {
namespace {

using namespace detail;

// RFC 8305, section 8: the limits of the Connection Attempt Delay.
constexpr duration least_attempt_delay = 10ms;
constexpr duration longest_attempt_delay = 2s;

// How long a client without a free port waits for one: these pauses, each twice the one before.
constexpr duration first_pause = 10ms;
constexpr duration last_pause = 320ms;

// The same while a Unix socket's queue is full, which may last as long as the timeout: it is asked at this pace, then.
constexpr duration first_pause_for_queue = 1ms;
constexpr duration longest_pause_for_queue = 50ms;

address_list unix_address(const endpoint& where)
{
    address_list list(1);
    sockaddr_un& at = list.front().first.unix_path;
    at.sun_family = AF_UNIX;
    where.path().copy(at.sun_path, sizeof at.sun_path - 1);
    list.front().second = sizeof at;
    return list;
}

// What one attempt to connect works on; the deadline interrupts whichever step is under way.
struct attempt {
    loop& on;
    endpoint where;
    connect_options options;
    waiting* node = nullptr; // of a look-up or a pause
    attempts* racing = nullptr;
    connection_core* handshake = nullptr;

    void interrupt()
    {
        if (handshake != nullptr)
            handshake->cancel_read();
        if (node != nullptr && node->is_linked())
            node->end();
        if (racing != nullptr)
            racing->interrupt();
    }
};

void check_attempt_delay(duration d)
{
    if (d < least_attempt_delay || d > longest_attempt_delay)
        throw std::invalid_argument{"connect_options.attempt_delay: expected 10 ms to 2 s, got " +
                                    std::to_string(d.count()) + " ns"};
}

[[noreturn]] void fail(const attempt& a, const std::string& doing, const error_code& e, const std::string& more = {})
{
    throw endpoint_error{e, a.where.to_string() + ": " + doing + ": " + symbol(e) + " (" + meaning(e) + ')' + more};
}

[[noreturn]] void fail_late(const attempt& a, const char* doing = "", const std::string& more = {})
{
    throw endpoint_error{errc::connect_timeout, a.where.to_string() + ": " + doing + "connect_timeout after " +
                                                    in_words(a.options.connect_timeout) + more};
}

// Waits for a thread of the pool, which wakes whoever `told` points to. The deadline ends that wait; where it passes in
// the turn in which a step ends, it has interrupted nothing, so that it is looked at after each step.
awaitable<void> wait_for_pool(attempt& a, waiting*& told, const expiry& deadline, const char* doing)
{
    waiting node;
    told = a.node = &node;
    co_await a.on.lookups->wait(node, a.on);
    told = a.node = nullptr;
    node.check();
    if (deadline.passed())
        fail_late(a, doing);
}

awaitable<address_list> find_addresses(attempt& a, const expiry& deadline)
{
    if (a.where.scheme() == endpoint::scheme_type::unix_socket)
        co_return unix_address(a.where);
    if (const std::string fault = fault_of_name(a.where.host()); !fault.empty())
        throw endpoint_error{errc::invalid_endpoint, fault};
    if (address_list numeric = numeric_addresses(a.where, false); !numeric.empty())
        co_return numeric;
    const auto l = lookup_to_connect(a.where.host(), a.where.port());
    l->on = a.on.shared_from_this();
    if (!start_lookup(l))
        fail(a, "look-up", errc::resolver_busy);
    const scope_exit over{[&l] { l->abandoned = true; }};
    co_await wait_for_pool(a, l->node, deadline, "look-up: ");
    if (l->error)
        fail(a, "look-up", l->error);
    co_return l->found;
}

awaitable<std::shared_ptr<const tls_context>> find_context(attempt& a, const expiry& deadline)
{
    const client_context_key key{a.options.tls};
    if (auto kept = kept_client_context(key))
        co_return kept;
    const auto wanted = std::make_shared<wanted_context>();
    wanted->on = a.on.shared_from_this();
    if (!start_loading(key, wanted))
        fail(a, "certificates", errc::resolver_busy);
    co_await wait_for_pool(a, wanted->node, deadline, "certificates: ");
    wanted->failed.raise();
    co_return wanted->made;
}

// The address to connect from, if it was given.
std::optional<address_list::value_type> source_of(const attempt& a)
{
    if (!a.options.source)
        return {};
    const address_list from = numeric_addresses(endpoint::tcp(*a.options.source, 0), false);
    if (from.empty())
        throw endpoint_error{errc::invalid_endpoint,
                             "source \"" + *a.options.source + "\": expected a numeric address"};
    return from.front();
}

// In the order in which they are tried; from a source address, those of its family.
address_list to_try(const attempt& a, address_list found, const std::optional<address_list::value_type>& source)
{
    if (source)
        std::erase_if(found, [&](const auto& to) { return to.first.any.sa_family != source->first.any.sa_family; });
    if (source && found.empty())
        throw endpoint_error{errc::invalid_endpoint, "source \"" + *a.options.source +
                                                         "\": expected an address of the same family as " +
                                                         a.where.to_string()};
    return interleave(found);
}

void set_options(int descriptor, const address& peer, const connect_options& options)
{
    if (!peer.is_ip())
        return;
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_keep_alive(descriptor, keep_alive_of(options));
}

// The name that the certificate has to have: an address without its scope; a name without the period that ends an
// absolute one, which neither SNI (RFC 6066, section 3) nor a certificate (RFC 9525, section 6.3) has.
std::string expected_name(const attempt& a)
{
    std::string name = a.options.tls.server_name.value_or(a.where.host().substr(0, a.where.host().find('%')));
    if (name.ends_with('.'))
        name.pop_back();
    return name;
}

any_stream stream_over(const attempt& a, descriptor socket, const address& peer, std::shared_ptr<const tls_context> tls)
{
    error_code e;
    poller& on = a.on.sockets();
    any_stream made = tls ? any_stream{std::in_place_type<tls_stream>,
                                       on,
                                       std::move(socket),
                                       family_of(peer),
                                       std::move(tls),
                                       expected_name(a),
                                       a.on.blocks(),
                                       e}
                          : any_stream{std::in_place_type<socket_stream>, on, std::move(socket), family_of(peer), e};
    if (e)
        fail(a, "connect", e);
    return made;
}

connection make_connection(const attempt& a, any_stream stream, const address& peer)
{
    auto configured =
        std::make_shared<const settings>(settings{.framing = a.options.framing,
                                                  .timeouts = a.options.timeouts,
                                                  .data_limit = a.options.limits.data_limit.value_or(~std::uint64_t{0}),
                                                  .high_water = a.options.limits.output_high_water,
                                                  .low_water = a.options.limits.output_low_water});
    return core_access::make(boost::intrusive_ptr<connection_core>{
        new connection_core{a.on, std::move(stream), std::move(configured), peer}});
}

// Its errors name the endpoint, and the deadline if that was the cause.
awaitable<void> shake_hands(attempt& a, connection& c, const expiry& deadline)
{
    a.handshake = &core_access::get(c);
    const expiry own{a.on, a.options.handshake_timeout.value_or(never), [&a] { a.interrupt(); }};
    const expiry& due = a.options.handshake_timeout ? own : deadline;
    std::optional<tls_error> refused;
    try {
        co_await a.handshake->handshake();
    } catch (const tls_error& e) {
        refused.emplace(e.code(), a.where.to_string() + ": " + symbol(e.code()) + ": " + e.what());
    } catch (const system_error&) {
        if (!due.passed())
            throw;
        refused.emplace(errc::handshake_timeout,
                        a.where.to_string() + ": handshake_timeout after " +
                            in_words(a.options.handshake_timeout.value_or(a.options.connect_timeout)));
        c.reset();
    }
    a.handshake = nullptr;
    if (refused)
        throw tls_error{*refused};
}

// Ends with the deadline, at the latest.
awaitable<void> pause(attempt& a, duration length)
{
    waiting node;
    a.node = &node;
    const expiry over{a.on, length, [&a] { a.interrupt(); }};
    co_await a.on.lookups->wait(node, a.on);
    a.node = nullptr;
    node.check();
}

// One race, or several with pauses between them while every port is in use or the server's queue is full.
awaitable<std::pair<descriptor, address>> win(attempt& a, const expiry& deadline)
{
    const std::optional<address_list::value_type> source = source_of(a);
    const address_list found = co_await find_addresses(a, deadline);
    const address_list list = to_try(a, found, source);
    duration wait = first_pause;
    duration wait_for_queue = first_pause_for_queue;
    for (;;) {
        const auto all = std::make_shared<attempts>(a.on, list, a.options.attempt_delay, source);
        a.racing = all.get();
        const std::optional<std::size_t> winner = co_await all->first();
        a.racing = nullptr;
        if (winner && deadline.passed())
            fail_late(a);
        if (winner)
            co_return std::pair{all->take(*winner), all->peer(*winner)};
        const std::string tried = list.size() > 1     ? "; tried " + all->in_words()
                                  : all->queue_full() ? "; its queue of connections to accept is full"
                                                      : "";
        const bool again = all->queue_full() || (all->out_of_ports() && wait <= last_pause);
        if (all->lost() && !again)
            fail(a, a.options.source ? "connect from " + *a.options.source : "connect",
                 all->out_of_ports() ? error_code{errc::out_of_ports} : all->last_error(), tried);
        if (!deadline.passed()) {
            duration& next = all->queue_full() ? wait_for_queue : wait;
            co_await pause(a, next);
            next *= 2;
            wait_for_queue = std::min(wait_for_queue, longest_pause_for_queue);
        }
        if (deadline.passed())
            fail_late(a, "", tried);
    }
}

awaitable<connection> connect_from(loop& on, endpoint where, connect_options options)
{
    attempt a{on, std::move(where), std::move(options)};
    const bool over_tls = a.where.scheme() == endpoint::scheme_type::tls;
    const expiry deadline{on, a.options.connect_timeout, [&a] {
                              if (a.handshake == nullptr || !a.options.handshake_timeout)
                                  a.interrupt();
                          }};
    std::shared_ptr<const tls_context> tls;
    if (over_tls)
        tls = co_await find_context(a, deadline);
    auto [socket, peer] = co_await win(a, deadline);
    set_options(socket.get(), peer, a.options);
    connection made = make_connection(a, stream_over(a, std::move(socket), peer, tls), peer);
    if (over_tls)
        co_await shake_hands(a, made, deadline);
    co_return made;
}

} // namespace

awaitable<connection> connect(endpoint where, connect_options options)
{
    validate(options.timeouts);
    validate(options.limits);
    check_above_zero("connect_options.connect_timeout", options.connect_timeout);
    check_above_zero("connect_options.handshake_timeout", options.handshake_timeout.value_or(never));
    check_attempt_delay(options.attempt_delay);
    validate("connect_options.", keep_alive_of(options));
    if (where.scheme() == endpoint::scheme_type::udp || where.is_inherited())
        throw endpoint_error{errc::invalid_endpoint,
                             where.to_string() + ": expected tcp://, tls:// or unix: to connect to"};
    const auto executor = co_await boost::asio::this_coro::executor;
    loop& on = loop_of(executor);
    if (!on.alone())
        throw endpoint_error{errc::second_thread, where.to_string() + ": connect: second_thread (" +
                                                      error_code{errc::second_thread}.message() + ')'};
    co_return co_await connect_from(on, std::move(where), std::move(options));
}

awaitable<boost::system::result<connection>> try_connect(endpoint where, connect_options options)
{
    error_code failed;
    try {
        co_return co_await connect(std::move(where), std::move(options));
    } catch (const system_error& e) {
        failed = e.code();
    }
    co_return failed;
}

// No default arguments: g++ 12 takes such a temporary in the operand of a co_await apart twice.
awaitable<connection> connect(endpoint where)
{
    return connect(std::move(where), connect_options{});
}

awaitable<boost::system::result<connection>> try_connect(endpoint where)
{
    return try_connect(std::move(where), connect_options{});
}

} // namespace hawser::inline v0_1
