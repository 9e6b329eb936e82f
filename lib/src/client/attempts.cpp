// SPDX-License-Identifier: BSL-1.0
#include "client/attempts.hpp"

#include "loop/descriptor_watch.hpp"
#include "loop/expiry.hpp"
#include "sockets/listening_socket.hpp"
#include "values/scope_exit.hpp"

#include <cerrno>

namespace hawser::inline v0_1::detail {
namespace {

constexpr std::size_t named_at_most = 8; // of the addresses, in an error's words

error_code system_error_of(int value) noexcept
{
    return {value, boost::system::system_category()};
}

// EADDRNOTAVAIL is also the error of a destination that no address of this host could reach, where waiting does not
// help. UDP has ports of its own, so a socket of it tells the two apart; it sends nothing.
bool has_address_for(const address_list::value_type& to) noexcept
{
    const descriptor probe{::socket(to.first.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    return probe && ::connect(probe.get(), &to.first.any, to.second) == 0;
}

} // namespace

attempts::attempts(loop& on, address_list list, duration delay, const std::optional<address_list::value_type>& source)
    : on_{on}, list_{std::move(list)}, source_{source}, race_{list_.size(), delay}
{
    tried_.reserve(list_.size()); // sockets stay where they are
}

awaitable<std::optional<std::size_t>> attempts::first()
{
    const scope_exit over{[this] {
        node_ = nullptr;
        close_all_but(winner_);
    }};
    for (;;) {
        while (const auto at = race_.next(on_.now()))
            start(*at);
        if (winner_ || interrupted_ || race_.lost())
            co_return winner_;
        waiting node;
        node_ = &node;
        const time_point due = race_.due();
        const expiry next{on_, due == time_point::max() ? never : due - on_.now(), [&node] {
                              if (node.is_linked())
                                  node.end();
                          }};
        co_await on_.lookups->wait(node, on_);
        node_ = nullptr;
        if (node.cancelled)
            winner_.reset();
        node.check();
    }
}

void attempts::interrupt()
{
    interrupted_ = true;
    if (node_ != nullptr && node_->is_linked())
        node_->end();
}

error_code attempts::open(std::size_t at)
{
    const int family = list_[at].first.any.sa_family;
    descriptor fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd)
        return system_error_of(errno);
    if (source_) {
        const int on = 1; // the port is chosen when the peer is known: more connections find one
        ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (::bind(fd.get(), &source_->first.any, source_->second) != 0)
            return system_error_of(errno);
    }
    error_code e;
    tried_[at].socket.emplace(on_.executor()).assign({family, 0}, fd.get(), e);
    if (!e)
        fd.release();
    return e;
}

// A Unix socket is connected at once or not at all. Asio takes the EAGAIN of a full queue for a connection under way,
// and an unconnected socket that is writable for one that has come about.
error_code attempts::connect_to_path(std::size_t at)
{
    if (::connect(tried_[at].socket->native_handle(), &list_[at].first.any, list_[at].second) == 0)
        return {};
    queue_full_ = errno == EAGAIN;
    return system_error_of(errno);
}

void attempts::start(std::size_t at)
{
    tried_.emplace_back();
    if (const error_code e = open(at))
        return end(at, e);
    if (list_[at].first.any.sa_family == AF_UNIX)
        return end(at, connect_to_path(at));
    tried_[at].socket->async_connect({&list_[at].first.any, list_[at].second},
                                     [self = shared_from_this(), at](const error_code& e) {
                                         if (!self->tried_[at].socket || self->winner_)
                                             return;
                                         if (e == system_error_of(EADDRNOTAVAIL) && has_address_for(self->list_[at]))
                                             self->out_of_ports_ = true;
                                         self->end(at, e);
                                     });
}

void attempts::end(std::size_t at, const error_code& e)
{
    tried_[at].ended = e;
    if (!e) {
        winner_ = at;
        close_all_but(at);
    } else {
        last_ = e;
        tried_[at].socket.reset();
        on_.descriptors->freed();
        race_.failed();
    }
    if (node_ != nullptr && node_->is_linked())
        node_->end();
}

void attempts::close_all_but(std::optional<std::size_t> winner) noexcept
{
    for (std::size_t i = 0; i < tried_.size(); ++i) {
        if (i == winner || !tried_[i].socket)
            continue;
        tried_[i].socket.reset();
        on_.descriptors->freed();
    }
}

std::string attempts::in_words() const
{
    std::string text;
    for (std::size_t i = 0; i < tried_.size() && i < named_at_most; ++i) {
        const std::string shown = peer(i).to_endpoint().short_string(); // HOST:PORT
        text += (i == 0 ? "" : ", ") + shown.substr(0, shown.rfind(':')) + ": ";
        text += tried_[i].ended ? symbol(*tried_[i].ended) : "no answer";
    }
    if (tried_.size() > named_at_most)
        text += " and " + std::to_string(tried_.size() - named_at_most) + " more";
    return text;
}

} // namespace hawser::inline v0_1::detail
