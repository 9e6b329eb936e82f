// SPDX-License-Identifier: BSL-1.0

// The bytes that one connection sends, and expects back unchanged (but for http, in which all messages are one
// request).
//
//     | length, only in frames | number of the message, 8 bytes | connection, 4 bytes | pattern ... |
//
// A ring of as many messages as may be without answer: a message keeps its bytes until its answer has been compared
// with them. No two messages of a run are equal as long as the payload has room for the stamp.
//
// Uses nothing but the standard library.
#ifndef LOAD_MESSAGE_RING_HPP
#define LOAD_MESSAGE_RING_HPP

#include "options.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace load {

class message_ring
{
public:
    message_ring(const options& o, std::uint32_t connection)
        : message_{o.message_bytes()}, head_{o.message_bytes() - o.size},
          stamp_{o.mode == mode::http ? 0 : std::min(o.size, sizeof appended_)}, bytes_(o.message_bytes() * o.pipeline)
    {
        for (std::size_t slot = 0; slot < o.pipeline; ++slot) {
            char* at = bytes_.data() + slot * message_;
            if (o.mode == mode::http) {
                std::memcpy(at, o.request.data(), message_);
                continue;
            }
            for (std::size_t i = 0; i < head_; ++i)
                *at++ = static_cast<char>(o.size >> (8 * (head_ - 1 - i)));
            for (std::size_t i = 0; i < o.size; ++i)
                at[i] = static_cast<char>(connection * 31 + i * 7 + i / 251);
            if (o.size > 8)
                std::memcpy(at + 8, &connection, std::min(o.size - 8, sizeof connection));
        }
    }

    /// Writes the next message into its slot; the answer to the one that was there must have come.
    void append() noexcept
    {
        char* payload = bytes_.data() + end_ % bytes_.size() + head_;
        std::memcpy(payload, &appended_, stamp_);
        ++appended_;
        end_ += message_;
    }

    /// Messages written so far.
    std::uint64_t appended() const noexcept { return appended_; }

    /// Where the last of them ends, as an offset in the connection's stream.
    std::uint64_t end() const noexcept { return end_; }

    /// The bytes from an offset of the stream up to its end, or up to where the ring wraps.
    std::span<const char> from(std::uint64_t offset) const noexcept
    {
        const auto begin = offset % bytes_.size();
        return {bytes_.data() + begin, std::min<std::size_t>(end_ - offset, bytes_.size() - begin)};
    }

private:
    std::size_t message_;
    std::size_t head_;
    std::size_t stamp_;
    std::vector<char> bytes_;
    std::uint64_t appended_ = 0;
    std::uint64_t end_ = 0;
};

} // namespace load

#endif
