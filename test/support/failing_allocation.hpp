// SPDX-License-Identifier: BSL-1.0

// Fails the n-th allocation of a program's other threads: operator new and aligned_alloc, which Asio uses. It replaces
// both in the program that includes it: in one file of it only. What is deleted is overwritten first, so that whoever
// goes on using it does not get away with it.
#ifndef HAWSER_TEST_FAILING_ALLOCATION_HPP
#define HAWSER_TEST_FAILING_ALLOCATION_HPP

#include "kit_namespace.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <malloc.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

namespace hawser::test::allocation {

inline thread_local bool exempt = false; // this thread's never fail
inline std::atomic<long> left{0};        // until one fails; none does at zero
inline std::array<void*, 48> trace;      // of the one that failed
inline std::atomic<int> trace_size{0};

/// The n-th from now on fails, and no other.
inline void fail(long n)
{
    trace_size = 0;
    left = n;
}

/// None fails any more. Returns where one has; empty: it was not reached.
inline std::vector<void*> failed()
{
    left = 0;
    return std::vector<void*>(trace.begin(), trace.begin() + trace_size.load());
}

inline bool fails_now() noexcept
{
    if (exempt)
        return false;
    for (long n = left.load(); n > 0;)
        if (left.compare_exchange_weak(n, n - 1)) {
            if (n == 1)
                trace_size = ::backtrace(trace.data(), static_cast<int>(trace.size()));
            return n == 1;
        }
    return false;
}

inline void* allocate(std::size_t size)
{
    if (!fails_now())
        if (void* const memory = std::malloc(size != 0 ? size : 1))
            return memory;
    throw std::bad_alloc{};
}

inline void release(void* memory) noexcept
{
    if (memory == nullptr)
        return;
    std::memset(memory, 0xdb, ::malloc_usable_size(memory));
    std::free(memory);
}

} // namespace hawser::test::allocation

// Kept out of line: g++ warns of a mismatched pair where it inlines only one of them.
[[gnu::noinline]] void* operator new(std::size_t size)
{
    return hawser::test::allocation::allocate(size);
}
[[gnu::noinline]] void* operator new[](std::size_t size)
{
    return hawser::test::allocation::allocate(size);
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept
{
    return hawser::test::allocation::fails_now() ? nullptr : std::malloc(size != 0 ? size : 1);
}
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept
{
    return hawser::test::allocation::fails_now() ? nullptr : std::malloc(size != 0 ? size : 1);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept
{
    hawser::test::allocation::release(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept
{
    hawser::test::allocation::release(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept
{
    hawser::test::allocation::release(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept
{
    hawser::test::allocation::release(memory);
}

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    static const auto original =
        reinterpret_cast<void* (*)(std::size_t, std::size_t)>(::dlsym(RTLD_NEXT, "aligned_alloc"));
    if (!hawser::test::allocation::fails_now())
        return original(alignment, size);
    errno = ENOMEM;
    return nullptr;
}

#endif
