// SPDX-License-Identifier: BSL-1.0

// The memory of one loop's buffers: page-aligned blocks that go back to the system when they are not used.
//
// A block is 4 KiB, or a power of two times that for a buffer that has grown. Small blocks are cut from slabs:
//
//     slab, 256 KiB, aligned to its size
//     | head: free list, count | block | block | ...  63 blocks |
//
// A slab with no block in use is given back, so that ten thousand idle connections cost no buffer memory at all; with
// malloc'ed buffers resident memory does not fall. Larger blocks are mapped one by one, and some are kept for reuse.
// A block that was given back is poisoned until it is taken again (poison.hpp). Not thread safe: a block_pool belongs
// to its loop.
#ifndef HAWSER_SRC_LOOP_BLOCKS_HPP
#define HAWSER_SRC_LOOP_BLOCKS_HPP

#include "loop/wheel.hpp"

#include <array>
#include <cstddef>

namespace hawser::inline v0_1::detail {

class block_pool : private wheel::entry
{
public:
    static constexpr std::size_t block_size = 4096;

    block_pool(wheel& timers, const clock& time) noexcept : timers_{timers}, clock_{time} {}
    block_pool(const block_pool&) = delete;
    block_pool& operator=(const block_pool&) = delete;
    ~block_pool() override;

    /// A block of at least `size` bytes; its real size is written back. Throws std::bad_alloc.
    char* take(std::size_t& size);

    /// Gives back what take() gave, with the size that it wrote.
    void give(char* block, std::size_t size) noexcept;

    /// Bytes in blocks that are in use.
    std::size_t in_use() const noexcept { return in_use_; }

private:
    struct slab;
    struct kept_list { // linked through the blocks themselves
        struct free_block* first = nullptr;
        std::size_t size = 0;
        void push(char* block) noexcept;
        char* pop() noexcept;
    };
    static constexpr std::size_t slab_size = 64 * block_size;
    static constexpr std::size_t classes = 10;          // kept sizes: 8 KiB to 2 MiB
    static constexpr std::size_t kept_bytes = 8U << 20; // at most, and only while in use now and then
    static constexpr duration trim_interval = std::chrono::milliseconds{500};

    static std::size_t size_class(std::size_t size) noexcept;
    time_point on_due(time_point now) override;

    wheel& timers_;
    const clock& clock_;
    slab* open_ = nullptr; // slabs with a free block, linked
    slab* spare_ = nullptr;
    std::array<kept_list, classes> kept_;
    std::size_t kept_total_ = 0;
    std::size_t in_use_ = 0;
};

} // namespace hawser::inline v0_1::detail

#endif
