// SPDX-License-Identifier: BSL-1.0

// Output that lies in more than one place.
#ifndef HAWSER_SRC_VALUES_PIECES_HPP
#define HAWSER_SRC_VALUES_PIECES_HPP

#include <hawser/bytes.hpp>

#include <cstddef>

namespace hawser::inline v0_1::detail {

/// A head and a payload, or one of them.
struct two_pieces {
    bytes_view first;
    bytes_view second;
    std::size_t size() const noexcept { return first.size() + second.size(); }
};

/// In one send.
constexpr std::size_t most_pieces = 64;

} // namespace hawser::inline v0_1::detail

#endif
