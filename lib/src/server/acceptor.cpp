// SPDX-License-Identifier: BSL-1.0
#include <hawser/acceptor.hpp>

#include "connection/core.hpp"
#include "loop/expiry.hpp"
#include "loop/readiness.hpp"
#include "loop/runtime_core.hpp"
#include "server/accept_failure.hpp"
#include "sockets/listening_socket.hpp"
#include "values/scope_exit.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <cerrno>
#include <stdexcept>

namespace hawser::inline v0_1 {

struct acceptor::impl {
    explicit impl(detail::loop& l) : on{l}, readiness{l} {}

    detail::loop& on;
    detail::listening_socket socket;
    detail::readiness readiness; // of the socket, which closes its own descriptor
    std::shared_ptr<const detail::settings> configured;
    bool accepting = false;
};

acceptor::acceptor(runtime& r, unsigned index)
    : impl_{std::make_unique<impl>(*detail::runtime_access::get(r).loops().at(index))}
{}
acceptor::~acceptor() = default;

void acceptor::bind(const endpoint& where, const listen_options& options)
{
    if (where.scheme() == endpoint::scheme_type::tls || options.tls)
        throw endpoint_error{errc::invalid_endpoint,
                             where.to_string() + ": expected an endpoint without TLS, which only a server speaks"};
    const timeouts t = options.timeouts.value_or(timeouts{});
    validate(t);
    std::vector<detail::listening_socket> bound = detail::bind_all(where, options);
    if (bound.size() != 1)
        throw endpoint_error{errc::invalid_endpoint,
                             where.to_string() + ": expected one address, got " + std::to_string(bound.size())};
    impl_->socket = std::move(bound.front());
    impl_->configured =
        std::make_shared<const detail::settings>(detail::settings{.framing = options.framing, .timeouts = t});
}

void acceptor::listen()
{
    impl_->socket.listen();
    error_code e;
    impl_->readiness.assign(impl_->socket.get(), e);
    if (e)
        throw hawser::error{e};
}

endpoint acceptor::local_endpoint() const
{
    return impl_->socket.where();
}

awaitable<connection> acceptor::accept(duration timeout)
{
    impl& it = *impl_;
    if (!it.readiness.is_open())
        throw std::logic_error{"accept before listen"};
    if (it.accepting)
        throw std::logic_error{"two accepts of one acceptor at once"};
    it.accepting = true;
    const detail::scope_exit over{[&it] { it.accepting = false; }};
    const detail::expiry late{it.on, timeout, [&it] { it.readiness.cancel(); }};
    for (;;) {
        detail::address peer;
        detail::descriptor fd{it.socket.accept(peer)};
        const int error = errno;
        if (fd) {
            error_code e;
            detail::any_stream stream{std::in_place_type<detail::socket_stream>, it.on.sockets(), std::move(fd),
                                      detail::family_of(peer), e};
            if (e)
                throw hawser::error{e};
            co_return detail::core_access::make(boost::intrusive_ptr<detail::connection_core>{
                new detail::connection_core{it.on, std::move(stream), it.configured, peer}});
        }
        const auto failure = detail::accept_failure_of(error);
        if (failure == detail::accept_failure::of_this_one)
            continue;
        if (failure != detail::accept_failure::none_queued)
            throw hawser::error{error_code{error, boost::system::system_category()}};
        const auto [e] = co_await it.readiness.async_wait(detail::readiness::wait_read,
                                                          boost::asio::as_tuple(boost::asio::deferred));
        if (late.passed())
            throw hawser::error{errc::accept_timeout};
        if (e)
            throw hawser::error{e};
    }
}

void acceptor::close() noexcept
{
    impl_->readiness.release();
    impl_->socket = detail::listening_socket{};
}

} // namespace hawser::inline v0_1
