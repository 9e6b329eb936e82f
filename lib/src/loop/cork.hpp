// SPDX-License-Identifier: BSL-1.0

// The cork: one hot output buffer per loop, in which the frames of one connection gather until they are sent together.
//
// It belongs to at most one connection at a time and is empty whenever the loop blocks, because whoever fills it also
// posts one flush for the turn. output.cpp has the rules.
#ifndef HAWSER_SRC_LOOP_CORK_HPP
#define HAWSER_SRC_LOOP_CORK_HPP

#include "loop/operation_place.hpp"

#include <hawser/bytes.hpp>

#include <array>
#include <cstddef>

namespace hawser::detail {

class tenant;

struct cork {
    static constexpr std::size_t capacity = 16 * 1024;

    tenant* owner = nullptr;
    std::size_t size = 0;
    bool posted = false;   // a flush is in the loop's queue,
    operation_place place; // in this place: to post it cannot fail
    std::array<char, capacity> bytes;

    bytes_view data() const noexcept { return {bytes.data(), size}; }
    std::size_t room() const noexcept { return capacity - size; }
};

} // namespace hawser::detail

#endif
