// Asio's async_read_some and async_write_some over a connection: what a library that knows no frames calls.
//
// The read waits as the connection's own reads do; the write takes its turn among the writers.
#include "core.hpp"

#include <algorithm>

namespace hawser::detail {

void core::read_stream(stream_operation* op)
{
    struct pending { // destroys the operation if the connection ends without calling it
        core* c;
        stream_operation* op;
        pending(core* on, stream_operation* o) noexcept : c{on}, op{o} {}
        pending(pending&& other) noexcept : c{other.c}, op{std::exchange(other.op, nullptr)} {}
        pending& operator=(pending&&) = delete;
        ~pending()
        {
            if (op != nullptr)
                op->destroy(op);
        }
        void operator()()
        {
            stream_operation* const o = std::exchange(op, nullptr);
            const auto [e, n] = c->take_input(o->data, o->size);
            o->complete(o, e, n);
        }
    };
    pending p{this, op};
    begin_read();
    reader_ = resumption{std::move(p)};
    if (!input_.empty() || op->size == 0)
        return post_input(input::more);
    start_input(waiting_for::stream);
}

std::pair<error_code, std::size_t> core::take_input(char* into, std::size_t size)
{
    const std::size_t n = outcome_ == input::cancelled ? 0 : std::min(size, input_.size());
    if (n != 0 || (size == 0 && outcome_ != input::cancelled)) {
        std::copy_n(input_.data().begin(), n, into);
        input_.consume(n);
        if (!unit_open_)
            unit_done();
        return {error_code{}, n};
    }
    if (past_limit_)
        fail(errc::data_limit);
    switch (outcome_) {
    case input::ended: return {boost::asio::error::eof, 0};
    case input::cancelled: return {boost::asio::error::operation_aborted, 0};
    default: return {error_ ? error_ : error_code{errc::connection_closed}, 0};
    }
}

struct stream_write : waiting {
    boost::intrusive_ptr<core> c; // which may be closed and let go before the operation completes
    stream_operation* op;
    stream_write(core* on_core, stream_operation* o) noexcept : c{on_core}, op{o} {}
    ~stream_write()
    {
        if (c->stream_writer_ == this)
            c->stream_writer_ = nullptr;
        if (op != nullptr)
            op->destroy(op);
    }
};

void core::write_stream(stream_operation* op)
{
    auto wait = std::make_unique<stream_write>(this, op);
    stream_write* const node = wait.get();
    node->on = &loop_;
    node->resume = resumption{[w = std::move(wait)]() mutable {
        stream_operation* const o = std::exchange(w->op, nullptr);
        const boost::intrusive_ptr<core> c = w->c;
        const bool cancelled = w->cancelled;
        w.reset();
        error_code e;
        std::size_t n = 0;
        try {
            if (cancelled)
                throw_cancelled();
            c->writer_admitted_ = false;
            const turn_to_write turn{*c};
            c->check_output();
            n = std::min(o->size, c->settings_->high_water - c->queued());
            c->append_part(bytes_view{o->data, n});
        } catch (const system_error& failure) {
            e = failure.code();
        }
        o->complete(o, e, n);
    }};
    if (has_room()) {
        writer_admitted_ = true;
        node->resume_later();
    } else {
        stream_writer_ = node;
        writers_.push(*node);
    }
}

void core::cancel_stream_write() noexcept
{
    if (stream_writer_ != nullptr && stream_writer_->is_linked()) {
        stream_writer_->cancelled = true;
        stream_writer_->end();
    }
}

} // namespace hawser::detail
