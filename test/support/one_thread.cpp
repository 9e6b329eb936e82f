// SPDX-License-Identifier: BSL-1.0

// Part of every test that is not marked THREADS: it refuses threads, so that no test that has any misses
// ThreadSanitizer.
#include <pthread.h>

#include <cstdio>
#include <cstdlib>

extern "C" int pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) noexcept
{
    std::fputs("This test starts a thread: mark it THREADS in test/CMakeLists.txt.\n", stderr);
    std::abort();
}
