#include "session.hpp"

#include "tls_engine.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <mutex>

namespace hawser::detail {
namespace {

any_stream stream_over(loop& on, descriptor socket, const address& peer, const service& s, error_code& e)
{
    if (!s.tls)
        return any_stream{std::in_place_type<socket_stream>, on.sockets(), std::move(socket), family_of(peer), e};
    return any_stream{
        std::in_place_type<tls_stream>, on.sockets(), std::move(socket), family_of(peer), s.tls, on.blocks(), e};
}

} // namespace

void session::start(loop& on, std::shared_ptr<service> s, descriptor fd, const address& peer)
{
    server_core& server = *s->server;
    const auto refuse = [&](const error_code& why) {
        server.counts.refused.fetch_add(1, std::memory_order_relaxed);
        session_end end;
        end.reason = end_reason::refused;
        end.error = why;
        end.peer = peer.to_endpoint();
        end.local = s->local;
        server.watched_by().session_ended(end);
        server.release(on);
        on.descriptors->freed();
    };
    if (!on.alone()) {
        fd = descriptor{};
        return refuse(errc::second_thread);
    }
    if (peer.is_ip() && !server.doors().enter(peer.limit_key())) {
        reset_on_close(fd.get());
        fd = descriptor{};
        return refuse(errc::too_many_from_address);
    }
    error_code e;
    any_stream stream = stream_over(on, std::move(fd), peer, *s, e);
    if (!e)
        return start(on, s, std::move(stream), peer);
    if (peer.is_ip())
        server.doors().leave(peer.limit_key());
    refuse(e);
}

void session::start(loop& on, std::shared_ptr<service> s, any_stream stream, const address& peer)
{
    const boost::intrusive_ptr<core> c{new core{on, std::move(stream), s->configured, peer}};
    auto self = std::make_unique<session>(c, std::move(s));
    server_core& server = *self->service_->server;
    if (server.begun_draining())
        c->begin_drain();
    server.making_room().permit_taken();
    if (!c->over_tls())
        return run(std::move(self));
    c->accept_handshake(resumption{[s = std::move(self)]() mutable { shaken(std::move(s)); }});
}

void session::shaken(std::unique_ptr<session> self)
{
    session& it = *self;
    core& c = *it.core_;
    switch (c.handshake_done()) {
    case core::handshake_end::done: return run(std::move(self));
    case core::handshake_end::none: return it.ended(std::move(self), nullptr);
    case core::handshake_end::failed:
        return it.ended(std::move(self), std::make_exception_ptr(system_error{c.error()}));
    case core::handshake_end::refused: break;
    }
    it.end_ = std::make_unique<session_end>();
    describe(*it.end_, std::make_exception_ptr(c.tls_failure()));
    c.handler_ended(core::handler_end::failed);
    c.set_listener(std::move(self));
}

void session::run(std::unique_ptr<session> self)
{
    session& it = *self;
    core& c = *it.core_;
    loop& on = c.on();
    const loop::running_mark mark{on, &c};
    try {
        awaitable<void> work = it.service_->handler(it.peer_);
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

session::session(boost::intrusive_ptr<core> c, std::shared_ptr<service> s)
    : core_{std::move(c)}, peer_{core_access::make(core_)}, service_{std::move(s)}
{
    core_->owner = this;
}

session::~session()
{
    {
        // Another thread may be telling whose handler keeps the loop: it has this session through its connection.
        const std::lock_guard lock{core_->on().naming};
        core_->owner = nullptr;
    }
    if (core_->peer().is_ip())
        service_->server->doors().leave(core_->peer().limit_key());
    service_->server->release(core_->on());
    if (shed_)
        service_->server->making_room().ended();
}

// The coroutine has ended, though its frame may still stand: what it used is destroyed later, from the loop's queue.
void session::ended(std::unique_ptr<session> self, std::exception_ptr e)
{
    core& c = *core_;
    if (e == nullptr)
        e = c.thrown(); // by a posted function; the handler returned without having seen it
    end_ = std::make_unique<session_end>();
    auto how = core::handler_end::returned;
    if (e != nullptr) {
        describe(*end_, std::move(e));
        how = end_->reason == end_reason::threw ? core::handler_end::threw : core::handler_end::failed;
    }
    c.handler_ended(how);
    c.set_listener(std::move(self));
}

void describe(session_end& end, std::exception_ptr thrown)
{
    end.reason = end_reason::threw;
    try {
        std::rethrow_exception(std::move(thrown));
    } catch (const described_error& failure) {
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
}

void session::connection_closed() noexcept
{
    session_end& end = *end_;
    if (cut_) {
        end.reason = end_reason::cut;
        end.error = errc::drain_timeout;
        service_->server->ending().note_ended(*cut_);
    } else if (end.reason == end_reason::completed && core_->error()) {
        end.reason = end_reason::failed;
        end.error = core_->error();
        end.what = core_->error().message();
    }
    if (shed_ && end.reason == end_reason::completed) {
        end.reason = end_reason::shed;
        end.error = errc::shed;
        service_->server->counts.shed.fetch_add(1, std::memory_order_relaxed);
    }
    const bool returned = end.reason == end_reason::completed || end.reason == end_reason::shed;
    end.peer = core_->peer().to_endpoint();
    end.local = service_->local;
    end.age = core_->on().now() - core_->opened();
    end.counts = core_->counts();
    auto& counts = service_->server->counts;
    (returned ? counts.completed : counts.failed).fetch_add(1, std::memory_order_relaxed);
    service_->server->watched_by().session_ended(end);
}

void session::shed()
{
    shed_ = true;
    core_->begin_drain();
}

void session::cut()
{
    if (cut_)
        return;
    if (end_ && core_->has_sent_all()) // and only waits for its peer
        return core_->let_go();
    cut_ = service_->server->ending().note_cut(*core_);
    const boost::intrusive_ptr<core> keep = core_;
    core_->break_off(errc::drain_timeout);
    core_->reset();
    cancellation_.emit(boost::asio::cancellation_type::terminal);
}

void session::report_blocked(duration held) const noexcept
{
    service_->server->watched_by().loop_blocked(core_->peer().to_endpoint(), held);
}

} // namespace hawser::detail
