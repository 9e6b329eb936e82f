// Bytes as Hawser hands them over and takes them: views, never owners.
//
// Uses nothing but the standard library.
#ifndef HAWSER_BYTES_HPP
#define HAWSER_BYTES_HPP

#include <string_view>

namespace hawser {

/// Octets that somebody else owns. The bytes need not be text; a string literal, a std::string and a frame
/// that was read all convert. How long the view is valid is said wherever one is returned.
using bytes_view = std::string_view;

} // namespace hawser

#endif
