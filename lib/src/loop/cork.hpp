// SPDX-License-Identifier: BSL-1.0

// The cork: one hot output buffer per loop, in which the frames of one connection gather until they are sent together.
//
// It belongs to at most one connection at a time and is empty whenever the loop blocks, because whoever takes it also
// sees to its flush in this turn: loop::flush_soon(). connection/output.hpp and sending.cpp have the rules.
#ifndef HAWSER_SRC_LOOP_CORK_HPP
#define HAWSER_SRC_LOOP_CORK_HPP

#include "loop/operation_place.hpp"

#include <hawser/bytes.hpp>

#include <array>
#include <cstddef>
#include <utility>

namespace hawser::inline v0_1::detail {

/// Whose output gathers there.
class cork_owner
{
public:
    /// What the cork holds is to be sent. It has no owner by then. Never resumes anybody from the stack that calls it.
    virtual void send_gathered(bytes_view bytes) noexcept = 0;

protected:
    ~cork_owner() = default;
};

struct cork {
    static constexpr std::size_t capacity = 16 * 1024;

    cork_owner* owner = nullptr;
    std::size_t size = 0;
    bool posted = false;   // a flush is in the loop's queue,
    operation_place place; // in this place: to post it cannot fail
    std::array<char, capacity> bytes;

    bytes_view data() const noexcept { return {bytes.data(), size}; }
    std::size_t room() const noexcept { return capacity - size; }
    /// Has it sent, whoever owns it.
    void flush() noexcept
    {
        cork_owner* const whose = std::exchange(owner, nullptr);
        const bytes_view gathered = data();
        size = 0;
        if (whose != nullptr && !gathered.empty())
            whose->send_gathered(gathered);
    }
};

} // namespace hawser::inline v0_1::detail

#endif
