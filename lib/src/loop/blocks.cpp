// SPDX-License-Identifier: BSL-1.0
#include "loop/blocks.hpp"

#include "loop/poison.hpp"

#include <sys/mman.h>

#include <bit>
#include <cstdint>
#include <new>
#include <utility>

namespace hawser::inline v0_1::detail {

struct free_block {
    free_block* next;
};

namespace {

char* map(std::size_t size)
{
    void* p = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        throw std::bad_alloc{};
    return static_cast<char*>(p);
}

// A mapping whose address is a multiple of its size, so that a block's slab is found by masking.
char* map_aligned(std::size_t size)
{
    char* p = map(2 * size);
    const std::size_t skip = (size - reinterpret_cast<std::uintptr_t>(p) % size) % size;
    if (skip != 0)
        ::munmap(p, skip);
    if (skip != size)
        ::munmap(p + skip + size, size - skip);
    return p + skip;
}

void unmap(void* begin, std::size_t size) noexcept
{
    unpoison(begin, size); // whoever gets these addresses next knows nothing of it
    ::munmap(begin, size);
}

// The link lies in the free block itself.
free_block* push_free(char* block, free_block* next) noexcept
{
    unpoison(block, sizeof(free_block));
    return ::new (block) free_block{next};
}

char* pop_free(free_block*& first) noexcept
{
    unpoison(first, sizeof(free_block));
    return reinterpret_cast<char*>(std::exchange(first, first->next));
}

} // namespace

struct block_pool::slab {
    free_block* free = nullptr;
    std::uint32_t fresh = 1; // blocks from here on have never been used; block 0 holds this head
    std::uint32_t used = 0;
    slab* previous = nullptr;
    slab* next = nullptr;

    static slab* of(char* block) noexcept
    {
        return reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(slab_size - 1));
    }
    bool full() const noexcept { return free == nullptr && fresh == slab_size / block_size; }

    char* take() noexcept
    {
        ++used;
        if (free != nullptr)
            return pop_free(free);
        return reinterpret_cast<char*>(this) + block_size * fresh++;
    }
    void give(char* block) noexcept
    {
        --used;
        free = push_free(block, free);
        poison(block, block_size);
    }
    void push_to(slab*& list) noexcept
    {
        previous = nullptr;
        next = list;
        if (next != nullptr)
            next->previous = this;
        list = this;
    }
    void remove_from(slab*& list) noexcept
    {
        (previous != nullptr ? previous->next : list) = next;
        if (next != nullptr)
            next->previous = previous;
    }
};

block_pool::~block_pool()
{
    if (spare_ != nullptr)
        unmap(spare_, slab_size);
    for (std::size_t c = 0; c < classes; ++c)
        while (kept_[c].first != nullptr)
            unmap(kept_[c].pop(), block_size << (c + 1));
}

void block_pool::kept_list::push(char* block) noexcept
{
    first = push_free(block, first);
    ++size;
}

char* block_pool::kept_list::pop() noexcept
{
    --size;
    return pop_free(first);
}

std::size_t block_pool::size_class(std::size_t size) noexcept
{
    return static_cast<std::size_t>(std::bit_width((size - 1) / block_size)); // 0: 4 KiB, 1: 8 KiB, ...
}

char* block_pool::take(std::size_t& size)
{
    const std::size_t c = size_class(size);
    size = block_size << c;
    char* block = nullptr;
    if (c == 0) {
        if (open_ == nullptr) {
            slab* s = std::exchange(spare_, nullptr);
            if (s == nullptr)
                s = ::new (map_aligned(slab_size)) slab;
            s->push_to(open_);
        }
        slab* s = open_;
        block = s->take();
        if (s->full())
            s->remove_from(open_);
    } else if (c <= classes && kept_[c - 1].first != nullptr) {
        block = kept_[c - 1].pop();
        kept_total_ -= size;
    } else {
        block = map(size);
    }
    in_use_ += size;
    unpoison(block, size);
    return block;
}

void block_pool::give(char* block, std::size_t size) noexcept
{
    in_use_ -= size;
    const std::size_t c = size_class(size);
    if (c == 0) {
        slab* s = slab::of(block);
        const bool was_full = s->full();
        s->give(block);
        if (was_full)
            s->push_to(open_);
        if (s->used == 0) {
            s->remove_from(open_);
            if (spare_ != nullptr) {
                unmap(s, slab_size);
                return;
            }
            s->free = nullptr; // forget the free list: its links lie in the pages that go back
            s->fresh = 1;
            ::madvise(reinterpret_cast<char*>(s) + block_size, slab_size - block_size, MADV_DONTNEED);
            spare_ = s;
        }
        return;
    }
    if (c <= classes && kept_total_ + size <= kept_bytes) {
        kept_[c - 1].push(block);
        poison(block, size);
        kept_total_ += size;
        if (linked_at() == time_point::max())
            timers_.arm(*this, after(clock_.now(), trim_interval));
        return;
    }
    unmap(block, size);
}

// Half of what is kept goes back at each look, so that what is used now and then stays and what is not does not.
time_point block_pool::on_due(time_point now)
{
    for (std::size_t c = 0; c < classes; ++c) {
        for (std::size_t n = (kept_[c].size + 1) / 2; n > 0; --n) {
            unmap(kept_[c].pop(), block_size << (c + 1));
            kept_total_ -= block_size << (c + 1);
        }
    }
    return kept_total_ == 0 ? time_point::max() : after(now, trim_interval);
}

} // namespace hawser::inline v0_1::detail
