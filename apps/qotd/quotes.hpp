// SPDX-License-Identifier: BSL-1.0

// Quotes of the day, each no longer than RFC 865 lets it be: our own, or those of a file.
#ifndef HAWSER_APPS_QOTD_QUOTES_HPP
#define HAWSER_APPS_QOTD_QUOTES_HPP

#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

namespace app {

/// Bytes of a quote, with the CR LF that ends it.
inline constexpr std::size_t longest_quote = 512;

class quotes
{
public:
    /// Our own.
    quotes();

    /// Those of a file: text of several lines each, with a line of one `%` between two of them. Throws usage_error
    /// naming the file and the line of the first that is too long, or holds what is no text, and if there is none.
    explicit quotes(const std::string& file);

    /// Each in its turn; from any thread.
    const std::string& next() noexcept { return all_[turn_.fetch_add(1, std::memory_order_relaxed) % all_.size()]; }

    const std::vector<std::string>& all() const noexcept { return all_; }

private:
    std::vector<std::string> all_; // each line ends with CR LF
    std::atomic<std::size_t> turn_{0};
};

} // namespace app

#endif
