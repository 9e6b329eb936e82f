// SPDX-License-Identifier: BSL-1.0

// A category of errors whose values have symbols: that of the core, and one of each part above it.
#ifndef HAWSER_SRC_VALUES_ERROR_CATEGORY_HPP
#define HAWSER_SRC_VALUES_ERROR_CATEGORY_HPP

#include <boost/system/error_category.hpp>

#include <string>

namespace hawser::inline v0_1::detail {

struct error_words {
    const char* symbol;
    const char* meaning;
};

/// Words of a value that no enumerator has.
inline constexpr error_words unknown_error{"unknown", "unknown error"};

/// Each is an object of static storage. It enters itself into a list, so that symbol(), which stands in the core, finds
/// the symbols of parts that the core does not know, without run-time type information about categories of others.
class named_category final : public boost::system::error_category
{
public:
    named_category(const char* name, error_words (*words)(int value) noexcept) noexcept;

    const char* name() const noexcept override { return name_; }
    std::string message(int value) const override { return words_(value).meaning; }
    const char* symbol(int value) const noexcept { return words_(value).symbol; }

    /// `category` itself if it is one of these, else null. Thread safe.
    static const named_category* find(const boost::system::error_category& category) noexcept;

private:
    const char* name_;
    error_words (*words_)(int value) noexcept;
    const named_category* older_;
};

} // namespace hawser::inline v0_1::detail

#endif
