// SPDX-License-Identifier: BSL-1.0
#include "server/session.hpp"

#include "transport/tls_engine.hpp"
#include "values/system_call.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <mutex>

namespace hawser::inline v0_1::detail {
namespace {

constexpr duration longest_told = 2s; // of the time in the kernel's queue: no claim has to be older

any_stream stream_over(loop& on, descriptor socket, const address& peer, const session_config& s, error_code& e)
{
    if (!s.tls)
        return any_stream{std::in_place_type<socket_stream>, on.sockets(), std::move(socket), family_of(peer), e};
    return any_stream{
        std::in_place_type<tls_stream>, on.sockets(), std::move(socket), family_of(peer), s.tls, on.blocks(), e};
}

// What Asio's stream concepts, which have codes alone, say of a connection that has failed by an exception.
bool is_closed_error(const std::exception_ptr& e) noexcept
{
    try {
        std::rethrow_exception(e);
    } catch (const system_error& failure) {
        return failure.code() == errc::connection_closed;
    } catch (...) {
        return false;
    }
}

} // namespace

void session::start(loop& on, std::shared_ptr<session_config> s, descriptor fd, const address& peer,
                    permit place) noexcept
{
    const auto refuse = [&](const error_code& why) {
        s->ledger->refused(s->local, peer, why);
        place.give_back();
        on.descriptors->freed();
    };
    try {
        if (!on.alone()) {
            fd = descriptor{};
            return refuse(errc::second_thread);
        }
        if (s->ledger->drain_record().cuts()) {
            reset_on_close(fd.get());
            fd = descriptor{};
            s->ledger->drain_record().note_refused(peer);
            return refuse(errc::drain_timeout);
        }
        if (!place.enter(peer)) {
            reset_on_close(fd.get());
            fd = descriptor{};
            return refuse(errc::too_many_from_address);
        }
        // A handshake needs its server, and what it takes counts from here.
        const room_maker* const room = s->ledger->room();
        const bool waited =
            room != nullptr && !s->tls && peer.is_ip() && room->has_kept_waiting(on.now() - longest_told);
        const duration queued = waited ? time_in_queue(fd.get()) : duration::zero();
        error_code e;
        any_stream stream = stream_over(on, std::move(fd), peer, *s, e);
        if (e)
            return refuse(e);
        start(on, s, std::move(stream), peer, std::move(place), queued);
    } catch (const std::bad_alloc&) {
        fd = descriptor{};
        refuse(make_error_code(boost::system::errc::not_enough_memory));
    }
}

void session::start(loop& on, std::shared_ptr<session_config> s, any_stream stream, const address& peer, permit&& place,
                    duration queued)
{
    const boost::intrusive_ptr<connection_core> c{new connection_core{on, std::move(stream), s->configured, peer}};
    auto self = std::make_unique<session>(c, std::move(s), std::move(place));
    self->came_ = c->opened() - queued;
    detail::ledger& of = *self->config_->ledger;
    if (of.begun_draining())
        c->begin_drain();
    if (room_maker* const room = of.room())
        room->permit_taken();
    if (!c->over_tls())
        return run(std::move(self));
    c->accept_handshake(resumption{[s = std::move(self)]() mutable { handshake_ended(std::move(s)); }},
                        of.places_on(on));
}

void session::handshake_ended(std::unique_ptr<session> self)
{
    session& it = *self;
    connection_core& c = *it.core_;
    const connection_core::handshake_end how = c.handshake_done();
    it.handshake_failed_ = how != connection_core::handshake_end::done;
    if (how == connection_core::handshake_end::done)
        return run(std::move(self));
    if (how == connection_core::handshake_end::none)
        return it.ended(std::move(self), nullptr);
    it.shed_ = how == connection_core::handshake_end::failed && c.error() == errc::shed;
    session_end end;
    end.reason = end_reason::failed;
    end.error = c.error();
    try {
        if (how == connection_core::handshake_end::refused) {
            const tls_error why = c.tls_failure();
            end.error = why.code();
            end.what = why.what();
        } else {
            end.what = c.error().message();
        }
    } catch (const std::bad_alloc&) { // it is told without the words
    }
    it.note_end(std::move(end));
    c.handler_ended(connection_core::handler_end::failed);
    c.set_close_observer(std::move(self));
}

void session::run(std::unique_ptr<session> self)
{
    session& it = *self;
    const boost::intrusive_ptr<connection_core> keep = it.core_;
    connection_core& c = *keep;
    loop& on = c.on();
    const loop::running_mark mark{on, &c};
    it.begun_ = true;
    try {
        awaitable<void> work = it.config_->handler(it.peer_);
        boost::asio::co_spawn(boost::asio::any_io_executor{on.executor()}, std::move(work),
                              boost::asio::bind_cancellation_slot(
                                  it.cancellation_.slot(), [self = std::move(self)](std::exception_ptr e) mutable {
                                      session& ended = *self;
                                      ended.ended(std::move(self), std::move(e));
                                  }));
    } catch (...) { // the handler threw before it became a coroutine
        if (self)
            it.ended(std::move(self), std::current_exception());
    }
}

session::session(boost::intrusive_ptr<connection_core> c, std::shared_ptr<session_config> s, permit place) noexcept
    : core_{std::move(c)}, peer_{core_access::make(core_)}, config_{std::move(s)}, permit_{std::move(place)}
{
    core_->owner = this;
    listed_in().add(*this);
}

// Without having ended, it goes with a coroutine that is destroyed: by an initiation that throws for want of memory, or
// by the end of the loop.
session::~session()
{
    if (!ended_ && !core_->on().has_ended()) {
        core_->reset();
        connection_closed();
    }
    listed_in().remove(*this); // which only this loop's thread reads, and no other one under the lock
    {
        // Another thread may be telling whose handler keeps the loop: it has this session through its connection.
        const std::lock_guard lock{core_->on().lifetime};
        core_->owner = nullptr;
    }
    if (place_)
        place_->has = nullptr;
    permit_.give_back();
    if (handshake_failed_)
        config_->ledger->memory().freed();
}

// The coroutine has ended, though its frame may still stand: what it used is destroyed later, from the loop's queue.
void session::ended(std::unique_ptr<session> self, std::exception_ptr e) noexcept
{
    connection_core& c = *core_;
    // What a posted function threw, or TLS's words: the handler has not seen it, or a code in the place of the first.
    if (c.thrown() != nullptr && (e == nullptr || (!c.error() && is_closed_error(e))))
        e = c.thrown();
    c.handler_ended(note_end(std::move(e)));
    c.set_close_observer(std::move(self));
}

connection_core::handler_end session::note_end(std::exception_ptr e) noexcept
{
    session_end end;
    auto how = connection_core::handler_end::returned;
    if (e != nullptr) {
        describe(end, std::move(e));
        how = end.reason == end_reason::threw ? connection_core::handler_end::threw
                                              : connection_core::handler_end::failed;
    }
    note_end(std::move(end));
    return how;
}

void session::note_end(session_end end) noexcept
{
    ended_ = true;
    try {
        end_ = std::make_unique<session_end>(std::move(end));
    } catch (const std::bad_alloc&) { // connection_closed() says so
    }
}

void describe(session_end& end, std::exception_ptr thrown) noexcept
try {
    end.reason = end_reason::threw;
    try {
        std::rethrow_exception(std::move(thrown));
    } catch (const hawser::error& failure) {
        end.reason = end_reason::failed;
        end.error = failure.code();
        end.what = failure.what();
    } catch (const system_error& failure) { // whose own words name the line of the source it was thrown from
        end.reason = end_reason::failed;
        end.error = failure.code();
        end.what = failure.code().message();
    } catch (const std::exception& failure) {
        end.what = failure.what();
    } catch (...) {
        end.what = "something that is not a std::exception";
    }
} catch (const std::bad_alloc&) { // of the words
}

void session::connection_closed() noexcept
{
    session_end told;
    if (!end_) { // its handler was destroyed, or there was no memory to say how it ended
        told.reason = end_reason::failed;
        told.error = ended_ ? make_error_code(boost::system::errc::not_enough_memory)
                            : error_code{boost::asio::error::operation_aborted};
    }
    session_end& end = end_ ? *end_ : told;
    if (cut_) {
        end.reason = end_reason::cut;
        end.error = errc::drain_timeout;
        config_->ledger->drain_record().note_ended(*cut_);
    } else if (end.reason == end_reason::completed && core_->error()) {
        end.reason = end_reason::failed;
        end.error = core_->error();
    }
    if (shed_ && (end.reason == end_reason::completed || end.reason == end_reason::failed)) {
        end.reason = end_reason::shed;
        end.error = errc::shed;
        end.what.clear();
        config_->ledger->counts.shed.fetch_add(1, std::memory_order_relaxed);
    }
    const bool returned = end.reason == end_reason::completed || end.reason == end_reason::shed;
    try {
        if (end.reason == end_reason::failed && end.what.empty())
            end.what = end.error.message();
        end.peer = core_->peer().to_endpoint();
        end.local = config_->local;
    } catch (const std::bad_alloc&) { // it is told without them
    }
    end.age = core_->on().now() - core_->opened();
    end.statistics = core_->statistics();
    auto& counts = config_->ledger->counts;
    (returned ? counts.completed : counts.failed).fetch_add(1, std::memory_order_relaxed);
    config_->ledger->observer().session_ended(end);
}

claim session::claims() const noexcept
{
    claim c = core_->claims();
    if (c.what == claim::kind::unfinished && !core_->over_tls())
        c.since -= core_->opened() - came_;
    const bool failed = ended_ && (!end_ || end_->reason != end_reason::completed);
    return c.what != claim::kind::flushes || failed ? c : claim{};
}

// A session whose handler has ended keeps the reason that it has.
void session::shed(const claim& found)
{
    if (claims() != found)
        return;
    const boost::intrusive_ptr<connection_core> keep = core_;
    shed_ = !ended_;
    if (!keep->yield() && keep->owner == this) // as long as this is told of its end from the loop's queue
        shed_ = false;
}

std::shared_ptr<session_place> session::place()
{
    if (!place_)
        place_ = std::make_shared<session_place>(session_place{core_->on(), this});
    return place_;
}

void session::cut()
{
    if (cut_)
        return;
    if (ended_ && core_->has_sent_all()) // and only waits for its peer
        return core_->let_go();
    if (core_->is_closed() && !begun_) // was shed during its handshake, and is about to be told so
        return;
    cut_ = config_->ledger->drain_record().note_cut(*core_);
    const boost::intrusive_ptr<connection_core> keep = core_;
    core_->break_off(errc::drain_timeout);
    core_->reset();
    try {
        cancellation_.emit(boost::asio::cancellation_type::terminal);
    } catch (const std::bad_alloc&) { // what it waits for on its connection ends all the same
    }
}

void session::report_blocked(duration held) const noexcept
{
    config_->ledger->observer().loop_blocked(core_->peer().to_endpoint(), held);
}

} // namespace hawser::inline v0_1::detail
