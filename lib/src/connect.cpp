#include <hawser/connect.hpp>

#include "core.hpp"
#include "expiry.hpp"
#include "listening_socket.hpp"
#include "resolver.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>

#include <netinet/tcp.h>

#include <cstdio>
#include <cstring>

namespace hawser {
namespace {

using namespace detail;

constexpr auto as_result = boost::asio::as_tuple(boost::asio::deferred);

std::string in_words(duration d)
{
    char text[32];
    std::snprintf(text, sizeof text, "%g s", std::chrono::duration<double>(d).count());
    return text;
}

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
    waiting* look_up = nullptr;
    socket_stream::socket* socket = nullptr;

    void interrupt()
    {
        if (look_up != nullptr && look_up->is_linked())
            look_up->end();
        error_code ignored;
        if (socket != nullptr)
            socket->cancel(ignored);
    }
};

[[noreturn]] void fail(const attempt& a, const char* doing, const error_code& e)
{
    throw endpoint_error{e, a.where.to_string() + ": " + doing + ": " + symbol(e) + " (" + e.message() + ')'};
}

[[noreturn]] void fail_late(const attempt& a)
{
    throw endpoint_error{errc::connect_timeout,
                         a.where.to_string() + ": connect_timeout after " + in_words(a.options.timeout)};
}

awaitable<address_list> find_addresses(attempt& a, const expiry& deadline)
{
    if (a.where.scheme() == endpoint::scheme_type::unix_socket)
        co_return unix_address(a.where);
    if (address_list numeric = numeric_addresses(a.where, false); !numeric.empty())
        co_return numeric;
    const auto l = std::make_shared<lookup>();
    l->on = a.on.shared_from_this();
    l->host = a.where.host();
    l->port = a.where.port();
    if (!resolve(l))
        fail(a, "look-up", errc::resolver_busy);
    waiting node;
    l->node = &node;
    a.look_up = &node;
    co_await a.on.waits->wait(node, a.on);
    a.look_up = nullptr;
    l->node = nullptr;
    if (node.cancelled)
        throw system_error{boost::asio::error::operation_aborted};
    if (deadline.passed() && !l->done)
        fail_late(a);
    if (l->error)
        fail(a, "look-up", l->error);
    co_return l->found;
}

void bind_source(const attempt& a, int fd, int family)
{
    if (!a.options.source)
        return;
    const address_list from = numeric_addresses(endpoint::tcp(*a.options.source, 0), false);
    if (from.empty())
        throw endpoint_error{errc::invalid_endpoint,
                             "source \"" + *a.options.source + "\": expected a numeric address"};
    if (from.front().first.any.sa_family != family)
        throw endpoint_error{errc::invalid_endpoint, "source \"" + *a.options.source +
                                                         "\": expected an address of the same family as " +
                                                         a.where.to_string()};
    if (::bind(fd, &from.front().first.any, from.front().second) != 0)
        fail(a, "bind to the source address", {errno, boost::system::system_category()});
}

connection make_connection(const attempt& a, socket_stream::socket socket, const address& peer)
{
    const int on = 1;
    if (peer.is_ip())
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto configured = std::make_shared<const settings>(
        settings{.framing = a.options.framing,
                 .timeouts = a.options.timeouts,
                 .data_limit = a.options.limits.received_per_connection.value_or(~std::uint64_t{0}),
                 .high_water = a.options.limits.output_high_water,
                 .low_water = a.options.limits.output_low_water});
    return core_access::make(boost::intrusive_ptr<core>{
        new core{a.on, any_stream{socket_stream{std::move(socket)}}, std::move(configured), peer}});
}

awaitable<connection> connect_from(loop& on, endpoint where, connect_options options)
{
    attempt a{on, std::move(where), std::move(options), nullptr, nullptr};
    const expiry deadline{on, a.options.timeout, [&a] { a.interrupt(); }};
    const address_list list = co_await find_addresses(a, deadline);
    error_code last = boost::asio::error::host_not_found;
    for (const auto& at : list) {
        const int family = at.first.any.sa_family;
        descriptor fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        if (!fd)
            fail(a, "socket", {errno, boost::system::system_category()});
        bind_source(a, fd.get(), family);
        socket_stream::socket socket{on.executor()};
        socket.assign(boost::asio::generic::stream_protocol{family, 0}, fd.get());
        fd.release();
        a.socket = &socket;
        const boost::asio::generic::stream_protocol::endpoint target{&at.first.any, at.second};
        const auto [e] = co_await socket.async_connect(target, as_result);
        a.socket = nullptr;
        if (!e)
            co_return make_connection(a, std::move(socket), address{at.first, at.second});
        if (deadline.passed())
            fail_late(a);
        if (e == boost::asio::error::operation_aborted)
            throw system_error{e};
        last = e;
    }
    fail(a, "connect", last);
}

} // namespace

awaitable<connection> connect(endpoint where, connect_options options)
{
    validate(options.timeouts);
    validate(options.limits);
    if (options.timeout <= duration::zero())
        throw std::invalid_argument{"connect_options.timeout: expected a time above zero, got " +
                                    std::to_string(options.timeout.count()) + " ns"};
    const auto executor = co_await boost::asio::this_coro::executor;
    loop& on = loop_of(boost::asio::query(executor, boost::asio::execution::context));
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

} // namespace hawser
