// SPDX-License-Identifier: BSL-1.0
#include <hawser/version.hpp>

#include <hawser/detail/boost_version.hpp>

namespace hawser::inline v0_1 {

int version() noexcept
{
    return HAWSER_VERSION;
}

namespace detail {

template <int Version>
void library_compiled_with_boost() noexcept
{}

template void library_compiled_with_boost<BOOST_VERSION>() noexcept;

} // namespace detail
} // namespace hawser::inline v0_1
