// Latencies, counted in buckets that are at most 1/128 of their value wide.
//
// Uses nothing but the standard library.
#ifndef LOAD_HISTOGRAM_HPP
#define LOAD_HISTOGRAM_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace load {

class histogram
{
public:
    /// Counts `times` values.
    void add(std::uint64_t value, std::uint64_t times) noexcept
    {
        buckets_[index(value)] += times;
        total_ += times;
        largest_ = std::max(largest_, value);
    }

    /// The least value that `share` (0 to 1) of all values do not exceed; 0 when there are none.
    std::uint64_t percentile(double share) const noexcept
    {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i)
            if ((seen += buckets_[i]) >= wanted && seen != 0)
                return std::min(upper_bound(i), largest_);
        return largest_;
    }

    std::uint64_t largest() const noexcept { return largest_; }

    void clear() noexcept { *this = {}; }

private:
    // Values below 128 have a bucket each; every further power of two is cut into 128.
    static constexpr std::size_t width = 128;

    static std::size_t index(std::uint64_t value) noexcept
    {
        if (value < width)
            return value;
        const auto shift = static_cast<std::size_t>(std::bit_width(value)) - std::bit_width(width);
        return (shift + 1) * width + (value >> shift) - width;
    }

    static std::uint64_t upper_bound(std::size_t index) noexcept
    {
        if (index < width)
            return index;
        const auto shift = index / width - 1;
        return ((index % width + width + 1) << shift) - 1;
    }

    std::array<std::uint64_t, 58 * width> buckets_{};
    std::uint64_t total_ = 0;
    std::uint64_t largest_ = 0;
};

} // namespace load

#endif
