// SPDX-License-Identifier: BSL-1.0

// What decodes and encodes a frame with a length before it, inline because it stands on the way of each frame; the
// other framings are compiled. Part of <hawser/framing.hpp>.
#ifndef HAWSER_DETAIL_FRAMING_CODEC_HPP
#define HAWSER_DETAIL_FRAMING_CODEC_HPP

#include <hawser/framing.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace hawser::inline v0_1 {

// Bytes and numbers, without a loop, so that compilers see one load or store and a byte swap.
// Formatters of Debian 12 do not know lambdas with template parameters.
// clang-format off

template <std::size_t N>
std::uint64_t framing::big(const char* bytes) noexcept
{
    return [bytes]<std::size_t... I>(std::index_sequence<I...>) {
        return ((std::uint64_t{static_cast<unsigned char>(bytes[I])} << (8 * (N - 1 - I))) | ...);
    }(std::make_index_sequence<N>{});
}

template <std::size_t N>
std::uint64_t framing::little(const char* bytes) noexcept
{
    return [bytes]<std::size_t... I>(std::index_sequence<I...>) {
        return ((std::uint64_t{static_cast<unsigned char>(bytes[I])} << (8 * I)) | ...);
    }(std::make_index_sequence<N>{});
}

template <std::size_t N>
void framing::put_big(char* out, std::uint64_t value) noexcept
{
    [out, value]<std::size_t... I>(std::index_sequence<I...>) {
        ((out[I] = static_cast<char>(value >> (8 * (N - 1 - I)))), ...);
    }(std::make_index_sequence<N>{});
}

template <std::size_t N>
void framing::put_little(char* out, std::uint64_t value) noexcept
{
    [out, value]<std::size_t... I>(std::index_sequence<I...>) {
        ((out[I] = static_cast<char>(value >> (8 * I))), ...);
    }(std::make_index_sequence<N>{});
}

// clang-format on

inline std::uint64_t framing::length_at(const char* bytes) const noexcept
{
    switch (width_) {
    case 1: return big<1>(bytes);
    case 2: return little_ ? little<2>(bytes) : big<2>(bytes);
    case 3: return little_ ? little<3>(bytes) : big<3>(bytes);
    case 4: return little_ ? little<4>(bytes) : big<4>(bytes);
    default: return little_ ? little<8>(bytes) : big<8>(bytes);
    }
}

inline void framing::put_length(char* out, std::uint64_t length) const noexcept
{
    switch (width_) {
    case 1: return put_big<1>(out, length);
    case 2: return little_ ? put_little<2>(out, length) : put_big<2>(out, length);
    case 3: return little_ ? put_little<3>(out, length) : put_big<3>(out, length);
    case 4: return little_ ? put_little<4>(out, length) : put_big<4>(out, length);
    default: return little_ ? put_little<8>(out, length) : put_big<8>(out, length);
    }
}

// Decoding.

inline decoded framing::incomplete(std::size_t needed, std::uint64_t length) noexcept
{
    return {.needed = needed, .length = length};
}

inline decoded framing::complete(bytes_view input, std::size_t begin, std::size_t end, std::size_t consumed,
                                 std::uint64_t length) noexcept
{
    return {.state = decoded::status::complete,
            .consumed = consumed,
            .frame = {input.data() + begin, end - begin},
            .length = length};
}

inline decoded framing::refused(errc error, std::uint64_t length) noexcept
{
    return {.state = decoded::status::refused, .error = error, .length = length};
}

// Always inline: its result is taken apart where it is used, and never stands in memory.
[[gnu::always_inline]] inline decoded framing::decode(bytes_view input, std::size_t& scanned) const noexcept
{
    if (kind_ == kind::bare_u32_be) [[likely]] {
        if (input.size() < 4)
            return incomplete(0, 0);
        const std::uint64_t length = big<4>(input.data());
        if (length > limit_)
            return refused(errc::frame_too_large, length);
        const std::size_t whole = 4 + static_cast<std::size_t>(length);
        if (input.size() < whole)
            return incomplete(whole, length);
        return complete(input, 4, whole, whole, length);
    }
    return decode_other(input, scanned);
}

inline decoded framing::decode(bytes_view input) const noexcept
{
    std::size_t scanned = 0;
    return decode(input, scanned);
}

inline decoded framing::decode_prefixed(bytes_view input) const noexcept
{
    if (input.size() < std::size_t{before_} + width_)
        return incomplete(0, 0);
    if (constant_before_ != 0 && !constants_before(input.data()))
        return refused(errc::malformed_frame, 0);

    const std::uint64_t length = length_at(input.data() + before_);
    if (length < covered_)
        return refused(errc::length_too_small, length);
    const std::uint64_t rest = length - covered_;
    if (rest > limit_ - after_) // after_ is at most limit_
        return refused(errc::frame_too_large, rest > ~std::uint64_t{after_} ? ~std::uint64_t{0} : rest + after_);

    const std::uint64_t payload = rest + after_;
    const std::size_t whole = head_ + static_cast<std::size_t>(payload);
    if (constant_between_ != 0 && input.size() >= head_ && !constants_between(input.data()))
        return refused(errc::malformed_frame, payload);
    if (input.size() < whole)
        return incomplete(whole, payload);
    return complete(input, std::size_t{head_} - delivered_, whole, whole, payload);
}

// Encoding.

inline bytes_view framing::tail(bytes_view frame) const noexcept
{
    return kind_ <= kind::varint ? bytes_view{} : tail_other(frame);
}

inline std::optional<errc> framing::check(bytes_view frame) const noexcept
{
    if (kind_ == kind::bare_u32_be) [[likely]] {
        if (frame.size() > limit_ || frame.size() > 0xffff'ffff)
            return errc::frame_too_large;
        return std::nullopt;
    }
    if (kind_ == kind::prefixed)
        return check_prefixed(frame);
    return check_other(frame);
}

inline std::optional<errc> framing::check_prefixed(bytes_view frame) const noexcept
{
    if (frame.size() < delivered_)
        return errc::malformed_frame;
    const std::uint64_t payload = frame.size() - delivered_;
    if (payload > limit_ || payload > max_encodable())
        return errc::frame_too_large;
    if (payload < after_)
        return errc::length_too_small;
    if (delivered_ != 0)
        return check_delivered(frame);
    return std::nullopt;
}

inline std::size_t framing::head_size(bytes_view frame) const noexcept
{
    if (kind_ == kind::bare_u32_be) [[likely]]
        return 4;
    if (kind_ == kind::prefixed)
        return std::size_t{head_} - delivered_;
    return head_size_other(frame);
}

inline std::size_t framing::encode_head(char* out, bytes_view frame) const noexcept
{
    if (kind_ == kind::bare_u32_be) [[likely]] {
        put_big<4>(out, frame.size());
        return 4;
    }
    if (kind_ == kind::prefixed && head_ == width_ && delivered_ == 0) {
        put_length(out, length_of(frame));
        return head_;
    }
    return encode_head_other(out, frame);
}

} // namespace hawser::inline v0_1

#endif
