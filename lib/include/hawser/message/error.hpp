// SPDX-License-Identifier: BSL-1.0

// The errors that application messages add to those of <hawser/error.hpp>.
#ifndef HAWSER_MESSAGE_ERROR_HPP
#define HAWSER_MESSAGE_ERROR_HPP

#include <hawser/detail/export.hpp>
#include <hawser/error.hpp>

#include <type_traits>

namespace hawser::inline v0_1::messages {

/// What is wrong with a message. The symbol of each, as symbol() gives it, is its name here.
enum class errc {
    invalid_message_header = 1, ///< a header that is no JSON object, or whose length is 0 or above the limit
    invalid_message_field,      ///< a field of the header that is missing, there twice, or of a value it may not have
    invalid_message_content,    ///< content that is not what its header says
    message_too_large,          ///< content longer than the limit
};

/// The category of messages::errc: its name is "hawser.message".
HAWSER_EXPORT const boost::system::error_category& category() noexcept;

/// Lets messages::errc be compared with, and stored as, an error_code.
inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), category()};
}

} // namespace hawser::inline v0_1::messages

/// @cond
template <>
struct boost::system::is_error_code_enum<hawser::messages::errc> : std::true_type {};
/// @endcond

#endif
