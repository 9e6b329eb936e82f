// SPDX-License-Identifier: BSL-1.0
#include "datagram/descriptor.hpp"
#include "loop/expiry.hpp"
#include "loop/readiness.hpp"
#include "loop/runtime_core.hpp"
#include "names/resolver.hpp"
#include "values/name_rules.hpp"
#include "values/scope_exit.hpp"
#include "values/system_call.hpp"

#include <hawser/datagram.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <stdexcept>

namespace hawser::inline v0_1 {

using namespace detail;

struct datagram_socket::impl {
    explicit impl(loop& l) : on{l}, ready{l} {}
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;

    void use(datagram_descriptor made)
    {
        error_code e;
        ready.assign(made.get(), e);
        if (e)
            throw hawser::error{e};
        socket = std::move(made);
    }
    void open_for(const datagram_address& peer)
    {
        if (!socket)
            use(datagram_descriptor{datagram_address_access::get(peer).first.any.sa_family});
    }
    void close() noexcept
    {
        ready.release();
        socket = {};
    }

    // The coroutines share the socket's state, which may be destroyed while they wait.
    using shared = std::shared_ptr<impl>;
    static awaitable<void> wait(shared it, readiness::wait_type what, const expiry& late, datagram_errc why);
    static awaitable<void> send(shared it, bytes_view payload, std::optional<datagram_address> to, duration timeout);
    static awaitable<datagram> receive(shared it, std::span<char> into, duration timeout);

    loop& on;
    // Its runtime may have ended, and the loop with it.
    void check_loop() const
    {
        if (socket && !ready.is_open())
            throw hawser::error{boost::asio::error::operation_aborted};
    }

    datagram_descriptor socket;
    readiness ready; // the socket, which closes its own descriptor
    bool receiving = false;
    std::optional<datagram_address> connected_to;
};

namespace {

constexpr auto as_result = boost::asio::as_tuple(boost::asio::deferred);

[[noreturn]] void fail(const endpoint& where, const char* step, const error_code& e)
{
    throw endpoint_error{e, where.to_string() + ": " + step + ": " + symbol(e) + " (" + meaning(e) + ')'};
}

awaitable<address_list> look_up(const endpoint& where, duration timeout)
{
    if (const std::string fault = fault_of_name(where.host()); !fault.empty())
        throw endpoint_error{errc::invalid_endpoint, where.to_string() + ": " + fault};
    const auto l = lookup_to_connect(where.host(), where.port());
    error_code failed;
    try {
        co_await finish_lookup(l, timeout);
    } catch (const system_error& e) {
        failed = e.code();
    }
    if (failed == boost::asio::error::operation_aborted)
        throw hawser::error{failed};
    if (failed)
        fail(where, "look-up", failed);
    co_return l->found;
}

} // namespace

awaitable<std::vector<datagram_address>> datagram_addresses(endpoint where, duration timeout)
{
    if (where.scheme() != endpoint::scheme_type::udp)
        throw endpoint_error{errc::invalid_endpoint, where.to_string() + ": expected udp://, for datagrams"};
    address_list found = numeric_addresses(where, false);
    if (found.empty())
        found = co_await look_up(where, timeout);
    std::vector<datagram_address> all;
    for (const auto& [at, size] : found)
        all.push_back(datagram_address_access::make(at, size));
    co_return all;
}

datagram_socket::datagram_socket(runtime& r, unsigned index)
    : impl_{std::make_shared<impl>(*detail::runtime_access::get(r).loops().at(index))}
{}
datagram_socket::datagram_socket(const boost::asio::any_io_executor& on) : impl_{std::make_shared<impl>(loop_of(on))} {}
datagram_socket::datagram_socket(datagram_socket&&) noexcept = default;
datagram_socket& datagram_socket::operator=(datagram_socket&& other) noexcept
{
    std::swap(impl_, other.impl_);
    other.close();
    return *this;
}
datagram_socket::~datagram_socket()
{
    close();
}

void datagram_socket::close() noexcept
{
    if (impl_)
        impl_->close();
}

void datagram_socket::bind(const endpoint& where, const datagram_bind_options& options)
{
    if (impl_->socket)
        throw std::logic_error{"bind of a datagram socket that is bound already"};
    std::vector<datagram_descriptor> bound = bind_datagrams(where, options.dual_stack);
    if (bound.size() != 1)
        throw endpoint_error{errc::invalid_endpoint,
                             where.to_string() + ": expected one address, got " + std::to_string(bound.size())};
    impl_->use(std::move(bound.front()));
}

void datagram_socket::connect(const datagram_address& peer)
{
    impl_->open_for(peer);
    if (const error_code e = impl_->socket.connect(peer))
        throw hawser::error{e};
    impl_->connected_to = peer;
}

awaitable<void> datagram_socket::connect(endpoint where, duration timeout)
{
    const std::shared_ptr<impl> it = impl_;
    const std::vector<datagram_address> all = co_await datagram_addresses(where, timeout);
    error_code last;
    for (const datagram_address& peer : all) {
        it->open_for(peer);
        last = it->socket.connect(peer);
        if (!last) {
            it->connected_to = peer;
            co_return;
        }
    }
    fail(where, "connect", last);
}

// Until something may have changed. Another operation's deadline interrupts this one too: that is no end.
awaitable<void> datagram_socket::impl::wait(shared it, readiness::wait_type what, const expiry& late, datagram_errc why)
{
    const auto [e] = co_await it->ready.async_wait(what, as_result);
    if (late.passed())
        throw hawser::error{why};
    const auto cancelled = (co_await boost::asio::this_coro::cancellation_state).cancelled();
    const bool own = cancelled != boost::asio::cancellation_type::none || !it->socket;
    if (e && (own || e != boost::asio::error::operation_aborted))
        throw hawser::error{e};
}

awaitable<void> datagram_socket::impl::send(shared it, bytes_view payload, std::optional<datagram_address> to,
                                            duration timeout)
{
    it->check_loop();
    const expiry late{it->on, timeout, [&i = *it] { i.ready.cancel(); }};
    for (;;) {
        const error_code e = it->socket.send(payload, to ? &*to : nullptr, nullptr);
        if (!e) {
            it->on.counts.bytes_out.add(payload.size());
            co_return;
        }
        if (would_block(e))
            co_await wait(it, readiness::wait_write, late, datagram_errc::send_timeout);
        else if (e != boost::asio::error::interrupted)
            throw hawser::error{e};
    }
}

awaitable<datagram> datagram_socket::impl::receive(shared it, std::span<char> into, duration timeout)
{
    if (!it->socket)
        throw std::logic_error{"receive from a datagram socket that is neither bound nor connected"};
    it->check_loop();
    if (it->receiving)
        throw std::logic_error{"two receives from one datagram socket at once"};
    it->receiving = true;
    const scope_exit over{[&i = *it] { i.receiving = false; }};
    const expiry late{it->on, timeout, [&i = *it] { i.ready.cancel(); }};
    for (;;) {
        datagram_descriptor::arrival got;
        const error_code e = it->socket.receive(into, got);
        if (!e) {
            it->on.counts.bytes_in.add(std::min(got.size, into.size()));
            datagram result{{into.data(), std::min(got.size, into.size())}, got.sender, got.size};
            co_return result;
        }
        if (would_block(e))
            co_await wait(it, readiness::wait_read, late, datagram_errc::receive_timeout);
        else if (e != boost::asio::error::interrupted)
            throw hawser::error{e};
    }
}

awaitable<void> datagram_socket::send_to(bytes_view payload, datagram_address to, duration timeout)
{
    impl_->open_for(to);
    return impl::send(impl_, payload, to, timeout);
}

awaitable<void> datagram_socket::send(bytes_view payload, duration timeout)
{
    return impl::send(impl_, payload, std::nullopt, timeout);
}

awaitable<datagram> datagram_socket::receive_from(std::span<char> into, duration timeout)
{
    return impl::receive(impl_, into, timeout);
}

awaitable<datagram> datagram_socket::receive(std::span<char> into, duration timeout)
{
    if (!impl_->connected_to)
        throw std::logic_error{"receive from a datagram socket that is not connected"};
    return impl::receive(impl_, into, timeout);
}

endpoint datagram_socket::local_endpoint() const
{
    return impl_->socket ? impl_->socket.where() : endpoint::udp({}, 0);
}

std::optional<endpoint> datagram_socket::peer_endpoint() const
{
    return impl_->connected_to ? std::optional{impl_->connected_to->to_endpoint()} : std::nullopt;
}

} // namespace hawser::inline v0_1
