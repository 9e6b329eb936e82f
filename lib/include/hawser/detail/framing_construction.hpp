// SPDX-License-Identifier: BSL-1.0

// How a framing is made of its parts and checked, and the parts of each that is ready-made.
// Part of <hawser/framing.hpp>.
#ifndef HAWSER_DETAIL_FRAMING_CONSTRUCTION_HPP
#define HAWSER_DETAIL_FRAMING_CONSTRUCTION_HPP

#include <hawser/framing.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace hawser::inline v0_1 {

constexpr std::size_t framing::require(bool possible, const char* name, std::size_t value, const char* expected,
                                       std::size_t bound)
{
    if (!possible)
        refuse(name, value, expected, bound);
    return value;
}

constexpr framing::framing() noexcept = default;

constexpr framing::framing(const layout& parts)
    : limit_{parts.max_payload}, after_{parts.after}, little_{parts.order == std::endian::little}
{
    const std::size_t before =
        require(parts.before.size() <= max_head, "before", parts.before.size(), "at most ", max_head);
    const std::size_t between =
        require(parts.between.size() <= max_head, "between", parts.between.size(), "at most ", max_head);
    const std::size_t width = parts.width;
    require(width == 1 || width == 2 || width == 3 || width == 4 || width == 8, "width", width, "1, 2, 3, 4 or 8");
    require(parts.order == std::endian::big || parts.order == std::endian::little, "order",
            static_cast<std::size_t>(parts.order), "big or little");
    require(static_cast<unsigned char>(parts.covers) <= static_cast<unsigned char>(whole_frame), "covers",
            static_cast<std::size_t>(parts.covers), "parts of a frame");

    const std::size_t head = require(before + width + between <= max_head, "before, width and between together",
                                     before + width + between, "at most ", max_head);
    require(parts.delivered <= head, "delivered", parts.delivered, "at most the head's ", head);

    const bytes_view first = parts.before.constant();
    const bytes_view second = parts.between.constant();
    require(first.size() + second.size() <= max_constant, "constant bytes", first.size() + second.size(), "at most ",
            max_constant);

    std::uint64_t covered = parts.length_excess;
    covered += parts.covers & length_covers::before ? before : 0;
    covered += parts.covers & length_covers::length ? width : 0;
    covered += parts.covers & length_covers::between ? between : 0;
    require(covered <= std::numeric_limits<std::uint32_t>::max(), "length_excess", parts.length_excess,
            "below 4 GiB with the head");

    width_ = static_cast<unsigned char>(width);
    require(covered <= max_length(), "width", width, "a length that can say what it counts beside the payload, ",
            static_cast<std::size_t>(covered));
    require(parts.max_payload >= parts.after, "max_payload", parts.max_payload, "at least layout::after, ",
            parts.after);
    require(parts.max_payload <= largest_max_payload, "max_payload", parts.max_payload, "at most ",
            largest_max_payload);

    covered_ = static_cast<std::uint32_t>(covered);
    before_ = static_cast<unsigned char>(before);
    head_ = static_cast<unsigned char>(head);
    delivered_ = static_cast<unsigned char>(parts.delivered);
    constant_before_ = static_cast<unsigned char>(first.size());
    constant_between_ = static_cast<unsigned char>(second.size());
    std::copy(second.begin(), second.end(), std::copy(first.begin(), first.end(), constants_));

    const bool bare = head == 4 && width == 4 && !little_ && covered_ == 0 && after_ == 0 && delivered_ == 0;
    kind_ = bare ? kind::bare_u32_be : kind::prefixed;
}

constexpr framing framing::delimiter(bytes_view end)
{
    framing made{kind::delimiter, default_max_payload};
    made.width_ = static_cast<unsigned char>(
        require(!end.empty() && end.size() <= max_constant, "delimiter size", end.size(), "1 to ", max_constant));
    std::copy(end.begin(), end.end(), made.constants_);
    return made;
}

constexpr framing framing::fixed(std::size_t size)
{
    return {kind::fixed,
            require(size > 0 && size <= largest_max_payload, "fixed size", size, "1 to ", largest_max_payload)};
}

constexpr framing framing::with_max_payload(std::size_t bytes) const
{
    require(bytes <= largest_max_payload, "max_payload", bytes, "at most ", largest_max_payload);
    require(bytes >= after_, "max_payload", bytes, "at least layout::after, ", after_);
    framing copy = *this;
    if (kind_ == kind::fixed)
        require(bytes >= limit_, "max_payload", bytes, "at least the fixed size, ", this->max_payload());
    else
        copy.limit_ = bytes;
    return copy;
}

inline constexpr framing framing::u8{{.width = 1}};
inline constexpr framing framing::u16_be{{.width = 2}};
inline constexpr framing framing::u16_le{{.width = 2, .order = std::endian::little}};
inline constexpr framing framing::u24_be{{.width = 3}};
inline constexpr framing framing::u24_le{{.width = 3, .order = std::endian::little}};
inline constexpr framing framing::u32_be{};
inline constexpr framing framing::u32_le{{.width = 4, .order = std::endian::little}};
inline constexpr framing framing::u64_be{{.width = 8}};
inline constexpr framing framing::u64_le{{.width = 8, .order = std::endian::little}};
inline constexpr framing framing::varint{kind::varint, default_max_payload};
inline constexpr framing framing::netstring{kind::netstring, default_max_payload};
inline constexpr framing framing::lines{kind::lines, default_max_payload};

inline constexpr framing framing::erlang_packet_1 = u8;
inline constexpr framing framing::erlang_packet_2 = u16_be;
inline constexpr framing framing::erlang_packet_4 = u32_be;
inline constexpr framing framing::twisted_int8{{.width = 1, .max_payload = 99'999}};
inline constexpr framing framing::twisted_int16{{.width = 2, .max_payload = 99'999}};
inline constexpr framing framing::twisted_int32{{.width = 4, .max_payload = 99'999}};
inline constexpr framing framing::tokio_default{{.width = 4, .max_payload = 8 * 1024 * 1024}};
inline constexpr framing framing::netty_usual = u32_be;
inline constexpr framing framing::grpc{{.before = "\0", .width = 4, .max_payload = 4 * 1024 * 1024}};

} // namespace hawser::inline v0_1

#endif
