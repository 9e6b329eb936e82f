// SPDX-License-Identifier: BSL-1.0

// Which Hawser this is: that of the headers, as macros, and that of the library which is linked, as a function.
//
//     if (hawser::version() != HAWSER_VERSION)
//         std::cerr << "built with Hawser " HAWSER_VERSION_STRING ", runs with another\n";
//
// This is the only place where the number stands; CMakeLists.txt reads it here.
#ifndef HAWSER_VERSION_HPP
#define HAWSER_VERSION_HPP

#include <hawser/detail/export.hpp>

#define HAWSER_VERSION_MAJOR 0        ///< before 1.0, interface and ABI change with the minor version
#define HAWSER_VERSION_MINOR 1        ///< 0 to 99
#define HAWSER_VERSION_PATCH 0        ///< 0 to 99
#define HAWSER_VERSION_STRING "0.1.0" ///< the three of them

/// One number, to be compared: 10000 * major + 100 * minor + patch.
#define HAWSER_VERSION (10000 * HAWSER_VERSION_MAJOR + 100 * HAWSER_VERSION_MINOR + HAWSER_VERSION_PATCH)

namespace hawser::inline v0_1 {

/// HAWSER_VERSION of the library that is linked. A shared one may be of another patch version than the headers that a
/// program was compiled with.
HAWSER_EXPORT int version() noexcept;

} // namespace hawser::inline v0_1

#endif
