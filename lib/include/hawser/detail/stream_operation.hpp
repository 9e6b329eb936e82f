// How a templated Asio operation reaches the compiled connection: a header-only object that holds the handler, seen
// from the library through two function pointers.
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

#include <cstddef>
#include <memory>
#include <utility>

namespace hawser::detail {

class core;
struct core_access;
struct handle_target;

void intrusive_ptr_add_ref(core*) noexcept;
HAWSER_EXPORT_DETAIL void intrusive_ptr_release(core*) noexcept;

/// One async_read_some or async_write_some. Either `complete` or `destroy` is called, once; both free the object.
struct stream_operation {
    void (*complete)(stream_operation*, error_code, std::size_t) = nullptr;
    void (*destroy)(stream_operation*) noexcept = nullptr;
    char* data = nullptr; // the first buffer with room; of a write, its bytes
    std::size_t size = 0;
};

HAWSER_EXPORT_DETAIL void start_stream_read(core&, stream_operation*);
HAWSER_EXPORT_DETAIL void start_stream_write(core&, stream_operation*);
HAWSER_EXPORT_DETAIL void cancel_stream_read(core&) noexcept;
HAWSER_EXPORT_DETAIL void cancel_stream_write(core&) noexcept;
HAWSER_EXPORT_DETAIL boost::asio::any_io_executor executor_of(const core&);

template <class Handler>
struct handler_operation : stream_operation {
    explicit handler_operation(Handler h, const boost::asio::any_io_executor& io)
        : executor{boost::asio::get_associated_executor(h, io)}, handler{std::move(h)}
    {
        complete = [](stream_operation* base, error_code e, std::size_t n) {
            handler_operation taken{std::move(*static_cast<handler_operation*>(base))};
            free(static_cast<handler_operation*>(base));
            // A cancellation that comes later must not reach the operation that follows, nor a connection that has
            // gone.
            if (auto slot = boost::asio::get_associated_cancellation_slot(taken.handler); slot.is_connected())
                slot.clear();
            boost::asio::dispatch(taken.executor,
                                  [h = std::move(taken.handler), e, n]() mutable { std::move(h)(e, n); });
        };
        destroy = [](stream_operation* base) noexcept { free(static_cast<handler_operation*>(base)); };
    }

    using allocator = typename std::allocator_traits<
        boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<handler_operation>;

    static handler_operation* make(Handler h, const boost::asio::any_io_executor& io)
    {
        allocator a{boost::asio::get_associated_allocator(h)};
        handler_operation* p = std::allocator_traits<allocator>::allocate(a, 1);
        return ::new (static_cast<void*>(p)) handler_operation{std::move(h), io};
    }
    static void free(handler_operation* p) noexcept
    {
        allocator a{boost::asio::get_associated_allocator(p->handler)};
        p->~handler_operation();
        std::allocator_traits<allocator>::deallocate(a, p, 1);
    }

    boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor> executor;
    Handler handler;
};

template <class Buffers>
auto first_with_room(const Buffers& buffers)
{
    auto at = boost::asio::buffer_sequence_begin(buffers);
    const auto end = boost::asio::buffer_sequence_end(buffers);
    decltype(boost::asio::mutable_buffer{}.data()) data = nullptr;
    std::size_t size = 0;
    for (; at != end && size == 0; ++at) {
        const auto b = *at;
        data = const_cast<void*>(static_cast<const void*>(b.data()));
        size = b.size();
    }
    return std::pair{static_cast<char*>(data), size};
}

template <class MutableBuffers, class Token>
auto async_stream_read(core& c, const MutableBuffers& buffers, Token&& token)
{
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [](auto handler, core* on, std::pair<char*, std::size_t> into) {
            using operation = handler_operation<decltype(handler)>;
            auto slot = boost::asio::get_associated_cancellation_slot(handler);
            operation* op = operation::make(std::move(handler), executor_of(*on));
            op->data = into.first;
            op->size = into.second;
            if (slot.is_connected())
                slot.assign([on](boost::asio::cancellation_type) { cancel_stream_read(*on); });
            start_stream_read(*on, op);
        },
        token, &c, first_with_room(buffers));
}

template <class ConstBuffers, class Token>
auto async_stream_write(core& c, const ConstBuffers& buffers, Token&& token)
{
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [](auto handler, core* on, std::pair<char*, std::size_t> from) {
            using operation = handler_operation<decltype(handler)>;
            auto slot = boost::asio::get_associated_cancellation_slot(handler);
            operation* op = operation::make(std::move(handler), executor_of(*on));
            op->data = from.first;
            op->size = from.second;
            if (slot.is_connected())
                slot.assign([on](boost::asio::cancellation_type) { cancel_stream_write(*on); });
            start_stream_write(*on, op);
        },
        token, &c, first_with_room(buffers));
}

} // namespace hawser::detail

#endif
