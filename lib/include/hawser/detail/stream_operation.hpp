// SPDX-License-Identifier: BSL-1.0

// How a templated Asio operation reaches the compiled connection: a header-only object that holds the handler and its
// buffers, seen from the library through function pointers.
#ifndef HAWSER_DETAIL_STREAM_OPERATION_HPP
#define HAWSER_DETAIL_STREAM_OPERATION_HPP

#include <hawser/detail/export.hpp>
#include <hawser/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace hawser::inline v0_1::detail {

class connection_core;
class waiting;
struct core_access;
struct handle_target;

void intrusive_ptr_add_ref(connection_core*) noexcept;
HAWSER_EXPORT_DETAIL void intrusive_ptr_release(connection_core*) noexcept;

/// One buffer of an operation; a write leaves its bytes alone.
struct stream_piece {
    char* data;
    std::size_t size;
};

/// One async_read_some, async_write_some or async_teardown. Either `complete` or `destroy` is called, once; both free
/// the object.
struct stream_operation {
    void (*complete)(stream_operation*, error_code, std::size_t) = nullptr;
    void (*destroy)(stream_operation*) noexcept = nullptr;
    /// The first buffers that have any size, `most` of them; says how many.
    std::size_t (*pieces)(const stream_operation*, stream_piece* into, std::size_t most) = nullptr;
    waiting* wait = nullptr; // in which it lies, once it does
};

HAWSER_EXPORT_DETAIL void start_stream_read(connection_core&, stream_operation*);
HAWSER_EXPORT_DETAIL void start_stream_write(connection_core&, stream_operation*);
HAWSER_EXPORT_DETAIL void start_stream_end(connection_core&, stream_operation*);
HAWSER_EXPORT_DETAIL void cancel_stream_read(connection_core&) noexcept;
HAWSER_EXPORT_DETAIL void cancel_stream_wait(stream_operation*) noexcept; // of a write, or an end
HAWSER_EXPORT_DETAIL boost::asio::any_io_executor executor_of(const connection_core&);

/// In the place of buffers, of an operation that says nothing but how it ended.
struct no_buffers {};

/// What a handler is called with, on its executor and with its allocator.
template <class Handler, class Buffers>
struct stream_completion {
    Handler handler;
    error_code e;
    std::size_t n;

    using allocator_type = boost::asio::associated_allocator_t<Handler>;
    allocator_type get_allocator() const noexcept { return boost::asio::get_associated_allocator(handler); }
    void operator()()
    {
        if constexpr (std::is_same_v<Buffers, no_buffers>)
            std::move(handler)(e);
        else
            std::move(handler)(e, n);
    }
};

template <class Buffers>
std::size_t first_pieces(const Buffers& all, stream_piece* into, std::size_t most)
{
    std::size_t n = 0;
    const auto end = boost::asio::buffer_sequence_end(all);
    for (auto at = boost::asio::buffer_sequence_begin(all); at != end && n != most; ++at) {
        const boost::asio::const_buffer b{*at};
        if (b.size() != 0)
            into[n++] = {const_cast<char*>(static_cast<const char*>(b.data())), b.size()};
    }
    return n;
}

template <class Handler, class Buffers>
struct handler_operation : stream_operation {
    handler_operation(Handler h, const Buffers& b, const boost::asio::any_io_executor& io)
        : work{boost::asio::get_associated_executor(h, io)}, handler{std::move(h)}, buffers{b}
    {
        complete = [](stream_operation* base, error_code e, std::size_t n) {
            handler_operation taken{std::move(*static_cast<handler_operation*>(base))};
            free(static_cast<handler_operation*>(base));
            // A cancellation that comes later must not reach the operation that follows, nor a connection that has
            // gone.
            if (auto slot = boost::asio::get_associated_cancellation_slot(taken.handler); slot.is_connected())
                slot.clear();
            boost::asio::dispatch(taken.work.get_executor(),
                                  stream_completion<Handler, Buffers>{std::move(taken.handler), e, n});
        };
        destroy = [](stream_operation* base) noexcept {
            auto* const dropped = static_cast<handler_operation*>(base);
            if (auto slot = boost::asio::get_associated_cancellation_slot(dropped->handler); slot.is_connected())
                slot.clear();
            free(dropped);
        };
        if constexpr (!std::is_same_v<Buffers, no_buffers>)
            pieces = [](const stream_operation* base, stream_piece* into, std::size_t most) {
                return first_pieces(static_cast<const handler_operation*>(base)->buffers, into, most);
            };
    }

    using allocator = typename std::allocator_traits<
        boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<handler_operation>;

    static handler_operation* make(Handler h, const Buffers& b, const boost::asio::any_io_executor& io)
    {
        allocator a{boost::asio::get_associated_allocator(h)};
        handler_operation* p = std::allocator_traits<allocator>::allocate(a, 1);
        return ::new (static_cast<void*>(p)) handler_operation{std::move(h), b, io};
    }
    static void free(handler_operation* p) noexcept
    {
        allocator a{boost::asio::get_associated_allocator(p->handler)};
        p->~handler_operation();
        std::allocator_traits<allocator>::deallocate(a, p, 1);
    }

    // Until the handler is on its way to its executor, that has something left to do.
    boost::asio::executor_work_guard<boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>> work;
    Handler handler;
    Buffers buffers;
};

/// Without memory for `f`, which is to cancel the operation, the initiation throws and leaves nothing behind.
template <class Slot, class F>
void assign_or_destroy(Slot& slot, stream_operation& op, F f)
{
    if (!slot.is_connected())
        return;
    try {
        slot.assign(std::move(f));
    } catch (...) {
        op.destroy(&op);
        throw;
    }
}

template <class MutableBuffers, class Token>
auto async_stream_read(connection_core& c, const MutableBuffers& buffers, Token&& token)
{
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [](auto handler, connection_core* on, const MutableBuffers& into) {
            auto slot = boost::asio::get_associated_cancellation_slot(handler);
            stream_operation* const op =
                handler_operation<decltype(handler), MutableBuffers>::make(std::move(handler), into, executor_of(*on));
            assign_or_destroy(slot, *op, [on](boost::asio::cancellation_type) { cancel_stream_read(*on); });
            start_stream_read(*on, op);
        },
        token, &c, buffers);
}

template <class ConstBuffers, class Token>
auto async_stream_write(connection_core& c, const ConstBuffers& buffers, Token&& token)
{
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [](auto handler, connection_core* on, const ConstBuffers& from) {
            auto slot = boost::asio::get_associated_cancellation_slot(handler);
            stream_operation* const op =
                handler_operation<decltype(handler), ConstBuffers>::make(std::move(handler), from, executor_of(*on));
            assign_or_destroy(slot, *op, [op](boost::asio::cancellation_type) { cancel_stream_wait(op); });
            start_stream_write(*on, op);
        },
        token, &c, buffers);
}

template <class Token>
auto async_stream_end(connection_core& c, Token&& token)
{
    return boost::asio::async_initiate<Token, void(error_code)>(
        [](auto handler, connection_core* on) {
            auto slot = boost::asio::get_associated_cancellation_slot(handler);
            stream_operation* const op =
                handler_operation<decltype(handler), no_buffers>::make(std::move(handler), {}, executor_of(*on));
            assign_or_destroy(slot, *op, [op](boost::asio::cancellation_type) { cancel_stream_wait(op); });
            start_stream_end(*on, op);
        },
        token, &c);
}

} // namespace hawser::inline v0_1::detail

#endif
