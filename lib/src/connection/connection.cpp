// SPDX-License-Identifier: BSL-1.0
#include <hawser/connection.hpp>

#include "connection/core.hpp"
#include "values/scope_exit.hpp"

#include <boost/asio/post.hpp>

#include <stdexcept>

namespace hawser::inline v0_1 {

const char* to_string(wait_kind what) noexcept
{
    switch (what) {
    case wait_kind::nothing: return "nothing of the connection's";
    case wait_kind::handshake: return "the TLS handshake";
    case wait_kind::readability: return "the next frame (parked)";
    case wait_kind::input: return "input";
    case wait_kind::turn: return "its turn";
    case wait_kind::output_room: return "room for output";
    case wait_kind::output_flushed: return "output to be flushed";
    case wait_kind::end: return "the peer's end of the stream";
    }
    return "?";
}

namespace {

void end(detail::connection_core& c) noexcept
{
    c.handler_ended(c.has_failed() ? detail::connection_core::handler_end::failed
                                   : detail::connection_core::handler_end::returned);
}

} // namespace

unit::unit(boost::intrusive_ptr<detail::connection_core> of) noexcept : of_{std::move(of)} {}
unit::unit(unit&&) noexcept = default;

unit& unit::operator=(unit&& other) noexcept
{
    if (this != &other) {
        leave();
        of_ = std::move(other.of_);
    }
    return *this;
}

unit::~unit()
{
    leave();
}

void unit::leave() noexcept
{
    if (of_)
        of_->unit_left();
    of_.reset();
}

void unit::allow(duration total)
{
    if (!of_)
        throw std::logic_error{"allow: the unit has ended"};
    of_->allow_unit(total);
}

void unit::end() noexcept
{
    if (of_)
        of_->end_unit();
    of_.reset();
}

connection::connection(boost::intrusive_ptr<detail::connection_core> core) noexcept : core_{std::move(core)} {}
connection::connection(connection&&) noexcept = default;

connection& connection::operator=(connection&& other) noexcept
{
    if (core_ && core_ != other.core_)
        end(*core_);
    core_ = std::move(other.core_);
    return *this;
}

connection::~connection()
{
    if (core_)
        end(*core_);
}

awaitable<std::optional<bytes_view>> connection::read_frame()
{
    return core_->read_frame(&core_->configured().framing);
}
awaitable<std::optional<bytes_view>> connection::read_frame(hawser::framing format)
{
    return core_->read_frame_as(format);
}
awaitable<std::optional<frames>> connection::read_frames()
{
    return core_->read_frames();
}
awaitable<void> connection::write_frame(any_bytes payload)
{
    return core_->write_frame(payload, &core_->configured().framing);
}
awaitable<void> connection::write_frame(any_bytes payload, hawser::framing format)
{
    return core_->write_frame_as(payload, format);
}
awaitable<void> connection::write_frame(std::span<const bytes_view> payload)
{
    return core_->write_frame(payload);
}
bool connection::try_write_frame(any_bytes payload)
{
    return core_->try_write_frame(payload);
}
awaitable<void> connection::write_frames(frames batch)
{
    return core_->write_frames(batch);
}
awaitable<void> connection::flush()
{
    return core_->flush();
}
awaitable<std::optional<bytes_view>> connection::read_some()
{
    return core_->read_some();
}
awaitable<std::optional<bytes_view>> connection::read_exactly(std::size_t n)
{
    return core_->read_exactly(n);
}
awaitable<void> connection::write(any_bytes bytes)
{
    return core_->write(bytes);
}
awaitable<void> connection::write(std::span<const bytes_view> pieces)
{
    return core_->write(pieces);
}
bool connection::has_room() const noexcept
{
    return core_->has_room();
}
bool connection::try_write(any_bytes bytes)
{
    return core_->try_write(bytes);
}
awaitable<std::size_t> connection::write_some(any_bytes bytes)
{
    return core_->write_some(bytes);
}

bytes_view connection::buffered() const noexcept
{
    return core_->buffered();
}
awaitable<std::optional<bytes_view>> connection::fill(std::size_t have)
{
    return core_->fill(have);
}
void connection::consume(std::size_t n)
{
    core_->consume(n);
}

void connection::cancel_read() noexcept
{
    core_->cancel_read();
}
bool connection::has_more_than(std::size_t n) const noexcept
{
    return core_->has_more_than(n);
}

unit connection::begin_unit()
{
    core_->begin_unit();
    return unit{core_};
}
void connection::answered(answer_state what) noexcept
{
    core_->answered(what);
}
bool connection::draining() const noexcept
{
    return core_->draining();
}

awaitable<void> connection::half_close()
{
    return core_->half_close();
}
awaitable<void> connection::close()
{
    return core_->close();
}
void connection::reset() noexcept
{
    core_->reset();
}
awaitable<void> connection::closed()
{
    return core_->closed();
}

const timeouts& connection::timeouts() const noexcept
{
    return core_->timeouts();
}
void connection::set_timeouts(const hawser::timeouts& t)
{
    core_->set_timeouts(t);
}
const framing& connection::framing() const noexcept
{
    return core_->configured().framing;
}
endpoint connection::peer_endpoint() const
{
    return core_->peer().to_endpoint();
}
endpoint connection::local_endpoint() const
{
    return core_->local().to_endpoint();
}
duration connection::age() const noexcept
{
    return core_->on().now() - core_->opened();
}
transfer_statistics connection::statistics() const noexcept
{
    return core_->statistics();
}
std::size_t connection::queued() const noexcept
{
    return core_->queued();
}
bool connection::has_failed() const noexcept
{
    return core_->has_failed();
}
connection_state connection::state() const noexcept
{
    return core_->state();
}
wait_kind connection::waiting_for() const noexcept
{
    return core_->waiting_for();
}
std::optional<tls_info> connection::tls() const
{
    return core_->tls();
}
connection_handle connection::handle()
{
    return hawser::connection_handle{core_->make_handle()};
}
connection::executor_type connection::get_executor() const
{
    return core_->on().executor();
}

void teardown(boost::beast::role_type, connection& c, error_code& e)
{
    c.core_->begin_close();
    e = {};
}

namespace {

// A function that waits for its turn, and the place it takes up among those of its connection. In one queue with the
// frames for all, so that they come in the order in which they were sent.
class posted_call final : public detail::owned_call
{
public:
    posted_call(std::shared_ptr<detail::handle_target> t, std::unique_ptr<detail::posted_function> f) noexcept
        : target_{std::move(t)}, function_{std::move(f)}
    {}
    ~posted_call() { give_place(); }

private:
    void give_place() noexcept
    {
        if (target_)
            target_->functions.fetch_sub(1);
    }
    void called() override
    {
        give_place(); // to one that this one posts
        const auto on = std::move(target_);
        if (on->connection == nullptr)
            return;
        const boost::intrusive_ptr<detail::connection_core> core{on->connection};
        const detail::loop::running_mark mark{core->on(), core.get()};
        connection borrowed = detail::core_access::make(core);
        try {
            function_->run(borrowed);
        } catch (...) {
            core->fail(std::current_exception());
        }
        detail::core_access::release(borrowed);
    }

    std::shared_ptr<detail::handle_target> target_;
    const std::unique_ptr<detail::posted_function> function_;
};

} // namespace

bool connection_handle::expired() const noexcept
{
    return !target_ || target_->connection == nullptr;
}

bool connection_handle::post_made(std::unique_ptr<detail::posted_function> function) const
{
    if (target_->connection == nullptr || !detail::handle_target::take(target_->functions, 1, max_posted))
        return false;
    detail::scope_exit place{[this] { target_->functions.fetch_sub(1); }}; // until there is an object that has it
    const auto made = std::make_shared<posted_call>(target_, std::move(function));
    place.release();
    return target_->on->deliver(*made, made);
}

namespace detail {

bool is_read(const connection_core& c) noexcept
{
    return c.is_read();
}

void start_stream_read(connection_core& c, stream_operation* op)
{
    c.read_stream(op);
}
void start_stream_write(connection_core& c, stream_operation* op)
{
    c.write_stream(op);
}
void start_stream_end(connection_core& c, stream_operation* op)
{
    c.end_stream_by(op);
}
void cancel_stream_read(connection_core& c) noexcept
{
    c.cancel_read();
}
void cancel_stream_wait(stream_operation* op) noexcept
{
    if (op->wait != nullptr && op->wait->is_linked()) {
        op->wait->cancelled = true;
        op->wait->end();
    }
}
boost::asio::any_io_executor executor_of(const connection_core& c)
{
    return c.on().executor();
}

} // namespace detail
} // namespace hawser::inline v0_1
