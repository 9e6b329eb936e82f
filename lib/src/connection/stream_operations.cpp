// SPDX-License-Identifier: BSL-1.0

// Asio's async_read_some and async_write_some over a connection, and Beast's async_teardown: what a library that knows
// no frames calls.
//
// The read waits as the connection's own reads do; the write takes its turn among the writers. A write's buffers go
// into the cork together, or where they are too many for it, to the kernel in one call.
#include "connection/core.hpp"
#include "values/system_call.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <new>

namespace hawser::inline v0_1::detail {
namespace {

// Destroys the operation if the connection ends without calling it.
class pending_operation
{
public:
    explicit pending_operation(stream_operation* o) noexcept : op_{o} {}
    pending_operation(pending_operation&& other) noexcept : op_{std::exchange(other.op_, nullptr)} {}
    pending_operation& operator=(pending_operation&&) = delete;
    ~pending_operation()
    {
        if (op_ != nullptr)
            op_->destroy(op_);
    }
    stream_operation& operator*() const noexcept { return *op_; }
    stream_operation* operator->() const noexcept { return op_; }
    void complete(const error_code& e, std::size_t n)
    {
        stream_operation* const op = std::exchange(op_, nullptr);
        op->complete(op, e, n);
    }

private:
    stream_operation* op_;
};

struct buffers_of {
    explicit buffers_of(const stream_operation& op) : count{op.pieces(&op, all.data(), all.size())} {}
    stream_piece* begin() noexcept { return all.data(); }
    stream_piece* end() noexcept { return all.data() + count; }
    const stream_piece* begin() const noexcept { return all.data(); }
    const stream_piece* end() const noexcept { return all.data() + count; }
    std::array<stream_piece, most_pieces> all;
    std::size_t count;
};

} // namespace

// ---- Reading

void connection_core::read_stream(stream_operation* op)
{
    struct read {
        connection_core* c;
        pending_operation op;
        void operator()()
        {
            const auto [e, n] = c->take_input(*op);
            op.complete(e, n);
        }
    };
    read r{this, pending_operation{op}};
    stream_piece first;
    const bool has_room = op->pieces(op, &first, 1) != 0;
    begin_read();
    input_.set_reader(resumption{std::move(r)});
    if (input_.empty() && has_room)
        return start_input(purpose::stream);
    input_.begin(purpose::stream);
    follow(input_.post(outcome::more));
}

std::pair<error_code, std::size_t> connection_core::take_input(const stream_operation& op)
{
    const buffers_of into{op};
    if (input_.how() != outcome::cancelled && (!input_.empty() || into.count == 0)) {
        std::size_t total = 0;
        for (const stream_piece& piece : into) {
            const std::size_t n = std::min(piece.size, input_.size());
            std::copy_n(input_.data().begin(), n, piece.data);
            input_.copied(n);
            total += n;
        }
        if (!input_.unit_is_open())
            unit_done();
        return {error_code{}, total};
    }
    if (input_.is_past_limit())
        fail(errc::data_limit);
    switch (input_.how()) {
    case outcome::ended: return {boost::asio::error::eof, 0};
    case outcome::cancelled: return {boost::asio::error::operation_aborted, 0};
    default: return {error() ? error() : error_code{errc::connection_closed}, 0};
    }
}

// ---- Writing, and the end

// An operation in a queue of the connection's, which it leaves like a coroutine there.
template <class Operation>
struct queued_operation final : waiting {
    explicit queued_operation(Operation o) noexcept : operation{std::move(o)} {}
    Operation operation;

    static void push(wait_queue& queue, Operation o)
    {
        auto made = std::make_unique<queued_operation>(std::move(o));
        queued_operation& node = *made;
        node.on = &node.operation.c->on();
        node.operation.op->wait = &node;
        node.resume = resumption{[mine = std::move(made)]() mutable {
            const bool was_cancelled = mine->cancelled;
            Operation now = std::move(mine->operation);
            now.op->wait = nullptr;
            mine.reset();
            now.finish(was_cancelled);
        }};
        queue.push(node);
    }
};

struct stream_write {
    boost::intrusive_ptr<connection_core> c; // which may be closed and let go before the operation completes
    pending_operation op;

    void finish(bool cancelled)
    {
        bool begun = false;
        error_code e;
        std::size_t n = 0;
        try {
            if (cancelled)
                connection_core::throw_cancelled();
            const output::turn turn = c->output_.take_turn();
            c->check_output(); // may throw what a function that was posted has thrown, which is its session's to tell
            begun = true;
            n = c->append_pieces(*op);
        } catch (const system_error& failure) {
            e = failure.code() ? failure.code() : error_code{errc::connection_closed};
        } catch (const std::bad_alloc&) {
            e = make_error_code(boost::system::errc::not_enough_memory);
            if (begun) // a part may be on its way: the stream cannot go on
                c->break_off(e);
        } catch (...) {
            e = errc::connection_closed;
        }
        op.complete(e, n);
    }
};

void connection_core::write_stream(stream_operation* op)
{
    stream_write w{this, pending_operation{op}};
    if (output_.takes_writes() && !output_.has_room())
        return queued_operation<stream_write>::push(output_.writers(), std::move(w));
    boost::asio::post(loop_.context(), [mine = std::move(w)]() mutable { mine.finish(false); });
    output_.admitted();
}

std::size_t connection_core::append_pieces(const stream_operation& op)
{
    buffers_of from{op};
    const std::size_t most = output_.room();
    std::size_t total = 0;
    for (stream_piece& piece : from) {
        piece.size = std::min(piece.size, most - total);
        total += piece.size;
    }
    output_.wrote(written::unknown);
    if (total == 0)
        return 0;
    if (char* at = other_room_for(total)) {
        for (const stream_piece& piece : from)
            at = std::copy_n(piece.data, piece.size, at);
        return total;
    }
    std::array<bytes_view, most_pieces> pieces;
    std::transform(from.begin(), from.end(), pieces.begin(), [](const stream_piece& p) {
        return bytes_view{p.data, p.size};
    });
    write_pieces({pieces.data(), from.count});
    return total;
}

// More than the cork holds, with nothing before them.
void connection_core::write_pieces(std::span<const bytes_view> pieces)
{
    if (over_tls()) { // which makes records of them
        for (const bytes_view piece : pieces) {
            check_output(); // which the piece before may have ended
            append(piece);
        }
        return;
    }
    error_code e;
    std::size_t sent = with_stream([&](auto& s) -> std::size_t {
        if constexpr (requires { s.write_all_now(pieces, e); })
            return s.write_all_now(pieces, e);
        else
            return 0;
    });
    output_moved(sent);
    if (e && !would_block(e))
        return break_off(e);
    for (bytes_view piece : pieces) {
        const std::size_t of_it = std::min(sent, piece.size());
        sent -= of_it;
        piece.remove_prefix(of_it);
        if (piece.empty())
            continue;
        try {
            output_.append_pending(piece);
        } catch (const std::bad_alloc&) { // a part is on its way, perhaps: the stream cannot go on
            return break_off(make_error_code(boost::system::errc::not_enough_memory));
        }
    }
    if (!output_.is_pending())
        return output_.admit();
    start_sending();
}

struct stream_end {
    boost::intrusive_ptr<connection_core> c;
    pending_operation op;

    void finish(bool cancelled)
    {
        if (cancelled)
            op.complete(boost::asio::error::operation_aborted, 0);
        else if (c->is_closed())
            op.complete({}, 0);
        else
            connection_core::await_end(std::move(*this));
    }
};

void connection_core::await_end(stream_end e)
{
    connection_core& c = *e.c;
    if (c.is_closed())
        boost::asio::post(c.loop_.context(), [mine = std::move(e)]() mutable { mine.finish(false); });
    else
        queued_operation<stream_end>::push(c.ending_.closers(), std::move(e));
}

void connection_core::end_stream_by(stream_operation* op)
{
    stream_end e{this, pending_operation{op}};
    begin_close();
    await_end(std::move(e));
}

} // namespace hawser::inline v0_1::detail
