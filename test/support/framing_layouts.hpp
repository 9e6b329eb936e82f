// SPDX-License-Identifier: BSL-1.0

// The layouts that tests of framing share, and how a frame is written under one.
#ifndef HAWSER_TEST_FRAMING_LAYOUTS_HPP
#define HAWSER_TEST_FRAMING_LAYOUTS_HPP

#include "kit_namespace.hpp"

#include <hawser/framing.hpp>

#include <stdexcept>
#include <string>

namespace hawser::test {

inline constexpr framing two_bytes_delivered{{.width = 2, .delivered = 2}};
inline constexpr framing counts_itself{{.width = 2, .covers = framing::length_covers::length, .delivered = 2}};
inline constexpr framing two_before{{.before = 2, .width = 3, .delivered = 5}};
inline constexpr framing two_between{{.width = 3, .between = 2, .delivered = 5}};
inline constexpr framing both_sides{{.before = "\xca", .width = 2, .between = 1, .delivered = 1}};
inline constexpr framing whole_frame{
    {.before = "\xca", .width = 2, .covers = framing::whole_frame, .between = 1, .delivered = 1}};

inline std::string encode(const framing& format, bytes_view frame)
{
    std::string wire(format.head_size(frame), '\0');
    if (format.encode_head(wire.data(), frame) != wire.size())
        throw std::logic_error{"a head has another size than head_size() said"};
    return wire.append(frame).append(format.tail(frame));
}

} // namespace hawser::test

#endif
