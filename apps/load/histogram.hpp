// SPDX-License-Identifier: BSL-1.0

// Latencies, counted in Boost.Histogram's buckets on a logarithmic axis.
//
// A count costs one logarithm, about 5 ns; the percentiles are read off the buckets' upper ends.
#ifndef LOAD_HISTOGRAM_HPP
#define LOAD_HISTOGRAM_HPP

#include <boost/histogram/axis/regular.hpp>
#include <boost/histogram/histogram.hpp>
#include <boost/histogram/storage_adaptor.hpp>
#include <boost/histogram/weight.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <tuple>

namespace load {

class histogram
{
public:
    /// Counts `times` values.
    void add(std::uint64_t value, std::uint64_t times) noexcept
    {
        buckets_(static_cast<double>(value), boost::histogram::weight(times));
        total_ += times;
        largest_ = std::max(largest_, value);
    }

    /// A value that `share` (0 to 1) of all values do not exceed, and at most 1/128 above the least of these; 0 when
    /// there are none.
    std::uint64_t percentile(double share) const noexcept
    {
        const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
        const auto& values = buckets_.axis();
        std::uint64_t seen = 0;
        for (int i = -1; i < values.size(); ++i)
            if ((seen += buckets_.at(i)) >= wanted && seen != 0)
                return std::min(static_cast<std::uint64_t>(values.value(i + 1)), largest_);
        return largest_;
    }

    std::uint64_t largest() const noexcept { return largest_; }

    /// How many values there are.
    std::uint64_t total() const noexcept { return total_; }

private:
    // From 1 ns to 1,000 s. Both ends have a bucket beyond them.
    using axis = boost::histogram::axis::regular<double, boost::histogram::axis::transform::log>;
    boost::histogram::histogram<std::tuple<axis>, boost::histogram::dense_storage<std::uint64_t>> buckets_{
        axis{3'600, 1.0, 1e12}};
    std::uint64_t total_ = 0;
    std::uint64_t largest_ = 0;
};

} // namespace load

#endif
