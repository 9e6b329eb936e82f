// SPDX-License-Identifier: BSL-1.0

// What a connection has written last, as far as it is known: on it depends how a session that fails may end.
#ifndef HAWSER_SRC_CONNECTION_WRITTEN_HPP
#define HAWSER_SRC_CONNECTION_WRITTEN_HPP

#include <cstdint>

namespace hawser::inline v0_1::detail {

enum class written : std::uint8_t {
    whole,
    unknown, // bytes, which may be a part of an answer: torn, if the handler ends by an exception of its own
    torn,    // torn, however it fails
};

} // namespace hawser::inline v0_1::detail

#endif
