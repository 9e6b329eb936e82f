// SPDX-License-Identifier: BSL-1.0

// The errors that application messages add to those of <hawser/error.hpp>.
#ifndef HAWSER_MESSAGE_ERROR_HPP
#define HAWSER_MESSAGE_ERROR_HPP

#include <hawser/detail/export.hpp>
#include <hawser/error.hpp>

#include <type_traits>

namespace hawser {

/// What is wrong with a message. The symbol of each, as symbol() gives it, is its name here.
enum class message_errc {
    invalid_message_header = 1, ///< a header that is no JSON object, or whose length is 0 or above the limit
    invalid_message_field,      ///< a field of the header that is missing, there twice, or of a value it may not have
    invalid_message_content,    ///< content that is not what its header says
    message_too_large,          ///< content longer than the limit
};

/// The category of message_errc: its name is "hawser.message".
HAWSER_EXPORT const boost::system::error_category& message_category() noexcept;

/// Lets message_errc be compared with, and stored as, an error_code.
inline error_code make_error_code(message_errc e) noexcept
{
    return {static_cast<int>(e), message_category()};
}

} // namespace hawser

/// @cond
template <>
struct boost::system::is_error_code_enum<hawser::message_errc> : std::true_type {};
/// @endcond

#endif
