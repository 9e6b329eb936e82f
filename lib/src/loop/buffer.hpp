// SPDX-License-Identifier: BSL-1.0

// A growing buffer over one block of the loop's pool: bytes are committed at its end and consumed at its front.
//
//     | consumed | data() ... size() | space() |
//
// It holds no block at all while it is released. What was consumed stays as it is until end_views(), or until what is
// held is moved; from then on it is poisoned, as is the space until it is asked for (poison.hpp). Not thread safe.
#ifndef HAWSER_SRC_LOOP_BUFFER_HPP
#define HAWSER_SRC_LOOP_BUFFER_HPP

#include "loop/blocks.hpp"
#include "loop/poison.hpp"

#include <hawser/bytes.hpp>

#include <cstring>
#include <utility>

namespace hawser::inline v0_1::detail {

class buffer
{
public:
    explicit buffer(block_pool& pool) noexcept : pool_{&pool} {}
    buffer(const buffer&) = delete;
    buffer& operator=(const buffer&) = delete;
    ~buffer() { release(); }

    bytes_view data() const noexcept { return {block_ + begin_, end_ - begin_}; }
    std::size_t size() const noexcept { return end_ - begin_; }
    bool empty() const noexcept { return begin_ == end_; }
    std::size_t capacity() const noexcept { return capacity_; }

    char* space() noexcept
    {
        unpoison(block_ + end_, space_size());
        return block_ + end_;
    }
    std::size_t space_size() const noexcept { return capacity_ - end_; }

    /// Of the space, so many bytes are held from now on.
    void commit(std::size_t n) noexcept
    {
        end_ += n;
        poison(block_ + end_, space_size());
    }
    void consume(std::size_t n) noexcept
    {
        begin_ += n;
        if (begin_ == end_)
            begin_ = end_ = 0;
    }

    /// Nobody looks any more at what was consumed.
    void end_views() noexcept
    {
        poison(block_, begin_);
        poison(block_ + end_, space_size());
    }

    /// Moves what is held to the front. Invalidates every view.
    void compact() noexcept
    {
        if (begin_ == 0)
            return;
        unpoison(block_, size());
        std::memmove(block_, block_ + begin_, size());
        end_ -= std::exchange(begin_, 0);
        poison(block_ + end_, space_size());
    }

    /// Makes room for `n` more bytes at the end, in a larger block if need be. Invalidates every view.
    /// Throws std::bad_alloc.
    void reserve(std::size_t n)
    {
        if (space_size() >= n)
            return;
        if (capacity_ - size() >= n && size() <= capacity_ / 2)
            compact();
        else
            grow(size() + n);
    }

    void append(bytes_view bytes)
    {
        if (bytes.empty())
            return;
        reserve(bytes.size());
        std::memcpy(space(), bytes.data(), bytes.size());
        commit(bytes.size());
    }

    /// Gives the block back; the bytes in it are gone.
    void release() noexcept
    {
        if (block_ != nullptr)
            pool_->give(block_, capacity_);
        block_ = nullptr;
        begin_ = end_ = capacity_ = 0;
    }

private:
    void grow(std::size_t wanted)
    {
        std::size_t capacity = wanted;
        char* block = pool_->take(capacity);
        const std::size_t held = size();
        if (held != 0)
            std::memcpy(block, block_ + begin_, held);
        release();
        block_ = block;
        capacity_ = capacity;
        end_ = held;
        poison(block_ + end_, space_size());
    }

    block_pool* pool_;
    char* block_ = nullptr;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace hawser::inline v0_1::detail

#endif
