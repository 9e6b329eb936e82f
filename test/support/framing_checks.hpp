// SPDX-License-Identifier: BSL-1.0

// What the tests of framing check, byte for byte: a frame in both directions, and each way to be wrong.
#ifndef HAWSER_TEST_FRAMING_CHECKS_HPP
#define HAWSER_TEST_FRAMING_CHECKS_HPP

#include "framing_layouts.hpp"
#include "kit_namespace.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

namespace hawser {

inline std::ostream& operator<<(std::ostream& out, decoded::status state)
{
    constexpr const char* names[] = {"incomplete", "complete", "refused"};
    return out << names[static_cast<int>(state)];
}

inline std::ostream& operator<<(std::ostream& out, end_of_stream end)
{
    constexpr const char* names[] = {"clean", "inside_head", "inside_payload"};
    return out << names[static_cast<int>(end)];
}

inline std::ostream& operator<<(std::ostream& out, errc error)
{
    return out << "errc " << static_cast<int>(error);
}

} // namespace hawser

namespace hawser::test {

inline std::string hex(bytes_view bytes)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

// Decodes a copy of exactly these bytes, so that a look beyond them is a look beyond an allocation.
inline decoded decode_exactly(const framing& format, bytes_view input)
{
    const auto copy = std::make_unique<char[]>(input.size());
    std::copy(input.begin(), input.end(), copy.get());
    decoded result = format.decode({copy.get(), input.size()});
    if (result.state == decoded::status::complete)
        result.frame = input.substr(static_cast<std::size_t>(result.frame.data() - copy.get()), result.frame.size());
    return result;
}

// `frame` and `wire` are the same frame under `format`, in both directions.
inline void check_both_ways(const framing& format, bytes_view frame, bytes_view wire)
{
    BOOST_TEST(!format.check(frame).has_value());
    BOOST_TEST(hex(encode(format, frame)) == hex(wire));

    const decoded got = decode_exactly(format, wire);
    BOOST_TEST(got.state == decoded::status::complete);
    BOOST_TEST(got.consumed == wire.size());
    BOOST_TEST(hex(got.frame) == hex(frame));

    const std::string more = std::string{wire} + "xyz";
    BOOST_TEST(format.decode(more).consumed == wire.size());
}

inline void check_refused(const framing& format, bytes_view input, errc error)
{
    const decoded got = decode_exactly(format, input);
    BOOST_TEST(got.state == decoded::status::refused);
    BOOST_TEST(got.error == error);
    BOOST_TEST(got.consumed == 0U);
    BOOST_TEST(!format.describe(got, input).empty());
}

inline void check_incomplete(const framing& format, bytes_view input, std::size_t needed)
{
    const decoded got = decode_exactly(format, input);
    BOOST_TEST(got.state == decoded::status::incomplete);
    BOOST_TEST(got.needed == needed);
}

inline void check_unwritable(const framing& format, bytes_view frame, errc error)
{
    const std::optional<errc> got = format.check(frame);
    BOOST_TEST_REQUIRE(got.has_value());
    BOOST_TEST(*got == error);
    BOOST_TEST(!format.describe(*got, frame).empty());
}

} // namespace hawser::test

#endif
