// SPDX-License-Identifier: BSL-1.0

// Memory that nobody may use for now, as AddressSanitizer knows it: whoever does is reported. Without it, nothing
// happens.
//
// Its map has one entry for 8 bytes: the bytes in front of what may be used again share its last entry, and so up to 7
// of them stay usable.
#ifndef HAWSER_SRC_LOOP_POISON_HPP
#define HAWSER_SRC_LOOP_POISON_HPP

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define HAWSER_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAWSER_POISONS 1
#endif
#endif

#ifdef HAWSER_POISONS
#include <sanitizer/asan_interface.h>
#endif

namespace hawser::inline v0_1::detail {

#ifdef HAWSER_POISONS

inline constexpr bool poisons = true;
inline void poison(const void* begin, std::size_t size) noexcept
{
    __asan_poison_memory_region(begin, size);
}
inline void unpoison(const void* begin, std::size_t size) noexcept
{
    __asan_unpoison_memory_region(begin, size);
}
inline bool is_poisoned(const void* at) noexcept
{
    return __asan_address_is_poisoned(at) != 0;
}

#else

inline constexpr bool poisons = false;
inline void poison(const void*, std::size_t) noexcept {}
inline void unpoison(const void*, std::size_t) noexcept {}
inline bool is_poisoned(const void*) noexcept
{
    return false;
}

#endif

} // namespace hawser::inline v0_1::detail

#endif
