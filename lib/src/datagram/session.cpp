// SPDX-License-Identifier: BSL-1.0
#include "datagram/session.hpp"

#include "datagram/listener.hpp"
#include "server/ledger.hpp"
#include "server/session.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <mutex>

namespace hawser::inline v0_1 {

bytes_view datagram_request::payload() const noexcept
{
    return session_.payload();
}
const datagram_address& datagram_request::sender() const noexcept
{
    return session_.arrival().sender;
}
const endpoint& datagram_request::local_endpoint() const noexcept
{
    return session_.listener().where();
}
bool datagram_request::draining() const noexcept
{
    return session_.listener().ledger().begun_draining();
}

awaitable<void> datagram_request::send(bytes_view payload)
{
    session_.charge(payload);
    return detail::datagram_listener::send(session_.listener().shared_from_this(), session_, payload);
}

namespace detail {

datagram_session::datagram_session(std::shared_ptr<datagram_listener> l, bytes_view payload,
                                   const datagram_descriptor::arrival& arrival)
    : listener_{std::move(l)}, payload_{payload}, arrival_{arrival}, begun_{listener_->on().now()}
{
    listener_->add(*this);
}

// Without having ended, it goes with a coroutine that is destroyed: by an initiation that throws for want of memory, or
// by the end of the loop.
datagram_session::~datagram_session()
{
    if (!ended_ && !listener_->on().has_ended())
        note_end(std::make_exception_ptr(hawser::error{boost::asio::error::operation_aborted}));
    {
        const std::lock_guard named{listener_->on().lifetime}; // whoever looks at it has seen enough
    }
    datagram_hook::unlink();
    listener_->session_ended();
}

void datagram_session::run(std::unique_ptr<datagram_session> self)
{
    datagram_session& it = *self;
    loop& on = it.listener_->on();
    const loop::running_mark mark{on, &it};
    try {
        awaitable<void> work = it.listener_->handler()(it.request_);
        boost::asio::co_spawn(boost::asio::any_io_executor{on.executor()}, std::move(work),
                              boost::asio::bind_cancellation_slot(it.cancellation_.slot(),
                                                                  [s = std::move(self)](std::exception_ptr e) mutable {
                                                                      ended(std::move(s), std::move(e));
                                                                  }));
    } catch (...) { // the handler threw before it became a coroutine
        if (self)
            ended(std::move(self), std::current_exception());
    }
}

// The coroutine has ended, though its frame may still stand: what it used is destroyed later, from the loop's queue.
void datagram_session::ended(std::unique_ptr<datagram_session> self, std::exception_ptr e) noexcept
{
    datagram_session& it = *self;
    it.note_end(std::move(e));
    it.self_ = std::move(self);
    if (!it.listener_->on().ask(it))
        it.dropped();
}

void datagram_session::note_end(std::exception_ptr e) noexcept
{
    ended_ = true;
    ledger& of = listener_->ledger();
    if (cut_)
        of.drain_record().note_ended(*cut_);
    if (cut_ || e != nullptr) {
        of.counts.datagrams_failed.fetch_add(1, std::memory_order_relaxed);
        tell(std::move(e));
    }
    if (!cut_ && of.begun_draining())
        of.counts.datagrams_drained.fetch_add(1);
}

void datagram_session::tell(std::exception_ptr e) const noexcept
{
    session_end end;
    if (e != nullptr)
        describe(end, std::move(e));
    if (cut_) {
        end.reason = end_reason::cut;
        end.error = errc::drain_timeout;
    }
    try {
        end.peer = arrival_.sender.to_endpoint();
        end.local = listener_->where();
    } catch (const std::bad_alloc&) { // it is told without them
    }
    end.age = listener_->on().now() - begun_;
    end.statistics = {.bytes_in = payload_.size(), .bytes_out = answered_, .frames_in = 1};
    listener_->ledger().observer().datagram_failed(end);
}

void datagram_session::cut()
{
    if (cut_)
        return;
    cut_ = listener_->ledger().drain_record().note_cut(*this, listener_->on().now());
    try {
        cancellation_.emit(boost::asio::cancellation_type::terminal);
    } catch (const std::bad_alloc&) { // it is named as one that goes on
    }
}

void datagram_session::report_blocked(duration held) const noexcept
{
    listener_->ledger().observer().loop_blocked(arrival_.sender.to_endpoint(), held);
}

void datagram_session::charge(bytes_view answer)
{
    const std::size_t limit = listener_->options().max_answer;
    if (answer.size() > limit - answered_)
        throw hawser::error{datagram_errc::answer_too_large,
                            "answer of " + std::to_string(answer.size()) + " bytes: expected at most " +
                                std::to_string(limit - answered_) +
                                (answered_ == 0 ? "" : " more, after " + std::to_string(answered_))};
    answered_ += answer.size();
}

} // namespace detail
} // namespace hawser::inline v0_1
