// SPDX-License-Identifier: BSL-1.0
#include <hawser/message/error.hpp>

#include "values/error_category.hpp"

namespace hawser::inline v0_1::messages {
namespace {

hawser::detail::error_words message_words(int value) noexcept
{
    switch (static_cast<errc>(value)) {
    case errc::invalid_message_header: return {"invalid_message_header", "message whose header cannot be read"};
    case errc::invalid_message_field: return {"invalid_message_field", "message with a field that it may not have"};
    case errc::invalid_message_content: return {"invalid_message_content", "message whose content is not what it says"};
    case errc::message_too_large: return {"message_too_large", "message longer than the limit"};
    }
    return hawser::detail::unknown_error;
}

} // namespace

const boost::system::error_category& category() noexcept
{
    static const hawser::detail::named_category instance{"hawser.message", message_words};
    return instance;
}

} // namespace hawser::inline v0_1::messages
