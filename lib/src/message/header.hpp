// SPDX-License-Identifier: BSL-1.0

// The JSON header of a message: four keys in any order, others skipped.
#ifndef HAWSER_SRC_MESSAGE_HEADER_HPP
#define HAWSER_SRC_MESSAGE_HEADER_HPP

#include <hawser/message.hpp>

#include <cstddef>
#include <string>

namespace hawser::inline v0_1::messages::detail {

/// The most that a header's length can say.
inline constexpr std::size_t longest_header = 65'535;

struct message_header {
    std::string type;
    std::string encoding;
    std::endian order = std::endian::native;
    std::size_t content_length = 0;
};

/// Throws message_error.
message_header read_header(bytes_view json, std::size_t content_limit);

/// "expected 0 to LIMIT", of a content-length.
std::string content_range(std::size_t limit);

} // namespace hawser::inline v0_1::messages::detail

#endif
