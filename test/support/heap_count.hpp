// SPDX-License-Identifier: BSL-1.0

// Counts the calls of malloc and its relatives, which it replaces in the program that includes it: in one file of it
// only. What counts is calls on threads that have said they are a loop's, while counting is on.
#ifndef HAWSER_TEST_HEAP_COUNT_HPP
#define HAWSER_TEST_HEAP_COUNT_HPP

#include "kit_namespace.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace hawser::test::heap {

inline thread_local bool on_a_loop = false;
inline std::atomic<bool> counting{false};
inline std::atomic<std::uint64_t> calls{0};
inline std::array<std::atomic<std::size_t>, 16> first_sizes;

inline void note(std::size_t size) noexcept
{
    if (!on_a_loop || !counting.load(std::memory_order_relaxed))
        return;
    const std::uint64_t n = calls.fetch_add(1);
    if (n < first_sizes.size())
        first_sizes[n] = size;
}

} // namespace hawser::test::heap

extern "C" {
void* malloc(std::size_t size)
{
    hawser::test::heap::note(size);
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size)
{
    hawser::test::heap::note(count * size);
    return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size)
{
    hawser::test::heap::note(size);
    return __libc_realloc(old, size);
}
void* memalign(std::size_t alignment, std::size_t size)
{
    hawser::test::heap::note(size);
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size)
{
    hawser::test::heap::note(size);
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** to, std::size_t alignment, std::size_t size)
{
    hawser::test::heap::note(size);
    *to = __libc_memalign(alignment, size);
    return *to == nullptr ? ENOMEM : 0;
}
}

#endif
