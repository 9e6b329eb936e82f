// SPDX-License-Identifier: BSL-1.0

// A program and the library have to be compiled with the same version of Boost, whose types pass between them: another
// one does not link. The linker then says which is missing:
//
//     undefined reference to `void hawser::v0_1::detail::library_compiled_with_boost<108200>()'
#ifndef HAWSER_DETAIL_BOOST_VERSION_HPP
#define HAWSER_DETAIL_BOOST_VERSION_HPP

#include <hawser/detail/export.hpp>

#include <boost/config/helper_macros.hpp>
#include <boost/version.hpp>

namespace hawser::inline v0_1::detail {

/// The library has this function for the one version that it was compiled with.
template <int Version>
HAWSER_EXPORT_DETAIL void library_compiled_with_boost() noexcept;

#if defined(__has_cpp_attribute) && __has_cpp_attribute(gnu::retain)
#define HAWSER_DETAIL_KEPT [[gnu::used, gnu::retain]] // also where the linker collects what nobody uses
#else
#define HAWSER_DETAIL_KEPT [[gnu::used]]
#endif
/// Refers to it from each object, whatever that uses; nobody calls it. Its name has the version, for of several objects
/// with one name the linker looks at one alone.
HAWSER_DETAIL_KEPT inline void (*const BOOST_JOIN(compiled_with_boost_, BOOST_VERSION))() noexcept =
    &library_compiled_with_boost<BOOST_VERSION>;
#undef HAWSER_DETAIL_KEPT

} // namespace hawser::inline v0_1::detail

#endif
