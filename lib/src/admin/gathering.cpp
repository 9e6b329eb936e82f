// SPDX-License-Identifier: BSL-1.0
#include "admin/gathering.hpp"

#include "loop/watchdog.hpp"
#include "server/any_listener.hpp"
#include "server/server_core.hpp"
#include "server/session.hpp"
#include "values/scope_exit.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <iterator>

namespace hawser::inline v0_1::detail {
namespace {

constexpr int rows_in_a_turn = 64;

bool is_v6(const endpoint& e) noexcept
{
    return e.host().find(':') != std::string::npos;
}

const char* protocol_of(const endpoint& local) noexcept
{
    if (local.scheme() == endpoint::scheme_type::unix_socket)
        return "unix";
    return is_v6(local) ? "tcp6" : "tcp";
}

std::string shown(const endpoint& e)
{
    if (e.scheme() != endpoint::scheme_type::unix_socket)
        return e.short_string();
    return e.path().empty() ? "*" : e.path();
}

// The other end of a socket that has none.
const char* anybody(const endpoint& local) noexcept
{
    if (local.scheme() == endpoint::scheme_type::unix_socket)
        return "*";
    return is_v6(local) ? "[::]:*" : "0.0.0.0:*";
}

socket_row row_of(const any_listener& l)
{
    const endpoint local = local_address(l.socket()).to_endpoint();
    const bool is_unix = local.scheme() == endpoint::scheme_type::unix_socket;
    socket_row row{.over_tls = l.over_tls(),
                   .suspended = l.suspended(),
                   .local = shown(local),
                   .peer = anybody(local),
                   .descriptor = l.socket()};
    if (l.where().scheme() == endpoint::scheme_type::udp) {
        row.protocol = is_v6(local) ? "udp6" : "udp";
        row.state = datagram_state(l.socket());
    } else {
        row.protocol = protocol_of(local);
        row.state = is_unix ? unix_listener_state(l.socket()) : tcp_state(l.socket(), true);
    }
    return row;
}

socket_row row_of(connection_core& c)
{
    const time_point now = c.on().now();
    const int descriptor = c.descriptor();
    const endpoint local = local_address(descriptor).to_endpoint();
    const bool is_unix = local.scheme() == endpoint::scheme_type::unix_socket;
    const auto since = c.waiting_since();
    socket_row row{
        .protocol = protocol_of(local),
        .over_tls = c.over_tls(),
        .state = is_unix ? unix_state(descriptor) : tcp_state(descriptor, c.has_ended()),
        .local = shown(local),
        .peer = shown(c.peer().to_endpoint()),
        .descriptor = descriptor,
        .session = session_facts{.age = now - c.opened(), .waiting_for = c.waiting_for(), .carried = c.statistics()}};
    if (since)
        row.session->waiting_time = std::max(now - *since, duration::zero());
    const wait_kind what = row.session->waiting_for;
    if (row.state.quiet)
        row.session->idle = std::min(*row.state.quiet, row.session->age); // by the kernel's clock, which is another
    else if (what == wait_kind::input || what == wait_kind::readability)
        row.session->idle = row.session->waiting_time;
    if (c.over_tls())
        row.session->tls = c.tls();
    return row;
}

// What one loop is asked for one server, and what it has answered; used on that loop until it is done.
struct part {
    std::shared_ptr<server_core> of;
    std::shared_ptr<loop> on;
    std::size_t number = 0;
    std::vector<socket_row> rows = {};
    bool done = false; // on the loop that asks
};

class gathering : public std::enable_shared_from_this<gathering>
{
public:
    gathering(std::shared_ptr<loop> here, const std::vector<std::shared_ptr<server_core>>& servers)
        : here_{std::move(here)}
    {
        for (const auto& s : servers)
            for (std::size_t i = 0; i < s->runtime().loops().size(); ++i)
                parts_.push_back({.of = s, .on = s->runtime().loops()[i], .number = i});
        missing_ = parts_.size();
    }

    void begin(boost::asio::steady_timer& until_all)
    {
        until_all_ = &until_all;
        for (part& p : parts_)
            p.on->post([self = shared_from_this(), &p] {
                add_listeners(p);
                self->add_connections(p, p.on->connections.begin(), p.on->now());
            });
    }
    /// The timer goes.
    void forget() noexcept { until_all_ = nullptr; }

    socket_rows take()
    {
        socket_rows all;
        for (part& p : parts_) {
            if (p.done)
                std::move(p.rows.begin(), p.rows.end(), std::back_inserter(all.rows));
            else
                all.silent.push_back({p.number, kept_by(*p.on)});
        }
        std::stable_partition(all.rows.begin(), all.rows.end(), [](const socket_row& r) { return !r.session; });
        return all;
    }

private:
    static std::string kept_by(loop& l)
    {
        const std::lock_guard alive{l.lifetime};
        const auto keeper = keeper_of(l);
        return keeper ? shown(keeper->peer) : std::string{};
    }

    static void add_listeners(part& p)
    {
        for (const auto& l : p.of->listeners())
            if (&l->on() == p.on.get() && l->socket() >= 0)
                p.rows.push_back(row_of(*l));
    }

    // Between two turns a reference to the next one keeps the place in the list, which has the oldest first: those that
    // have come meanwhile end it.
    void add_connections(part& p, tenant_list::iterator next, time_point asked)
    {
        const auto end = p.on->connections.end();
        for (int i = 0; i < rows_in_a_turn && next != end && connection_of(*next).opened() <= asked; ++i, ++next)
            if (connection_core& c = connection_of(*next); is_of(p, c))
                p.rows.push_back(row_of(c));
        if (next == end || connection_of(*next).opened() > asked)
            return here_->post([self = shared_from_this(), &p] { self->finish(p); });
        p.on->post([self = shared_from_this(), &p, place = boost::intrusive_ptr<tenant>{&*next}, asked] {
            self->add_connections(p, p.on->connections.iterator_to(*place), asked);
        });
    }

    static bool is_of(const part& p, connection_core& c) noexcept
    {
        const session* const s = session_of(c);
        return c.descriptor() >= 0 && (s == nullptr || &s->ledger() == p.of.get());
    }

    void finish(part& p)
    {
        p.done = true;
        if (--missing_ == 0 && until_all_ != nullptr)
            until_all_->cancel();
    }

    const std::shared_ptr<loop> here_;
    std::vector<part> parts_;
    std::size_t missing_ = 0;
    boost::asio::steady_timer* until_all_ = nullptr; // while somebody waits
};

} // namespace

awaitable<socket_rows> gather(std::shared_ptr<loop> here, std::vector<std::shared_ptr<server_core>> servers,
                              duration patience)
{
    boost::asio::steady_timer until_all{here->context(), patience};
    const auto all = std::make_shared<gathering>(here, servers);
    const scope_exit over{[&all] { all->forget(); }};
    all->begin(until_all);
    co_await until_all.async_wait(boost::asio::as_tuple(boost::asio::deferred));
    co_return all->take();
}

} // namespace hawser::inline v0_1::detail
