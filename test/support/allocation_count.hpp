// SPDX-License-Identifier: BSL-1.0

// Counts what operator new is asked for, which it replaces in the program that includes it: in one file of it only.
// What is asked of malloc is counted by heap_count.hpp.
#ifndef HAWSER_TEST_ALLOCATION_COUNT_HPP
#define HAWSER_TEST_ALLOCATION_COUNT_HPP

#include "kit_namespace.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace hawser::test {

inline std::atomic<std::size_t> allocations{0};

} // namespace hawser::test

// Kept out of line: g++ warns of a mismatched pair where it inlines only one of them.
[[gnu::noinline]] void* operator new(std::size_t size)
{
    ++hawser::test::allocations;
    if (void* const memory = std::malloc(size != 0 ? size : 1))
        return memory;
    throw std::bad_alloc{};
}

[[gnu::noinline]] void* operator new[](std::size_t size)
{
    return operator new(size);
}

[[gnu::noinline]] void operator delete(void* memory) noexcept
{
    std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}

[[gnu::noinline]] void operator delete[](void* memory) noexcept
{
    std::free(memory);
}

[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept
{
    std::free(memory);
}

#endif
