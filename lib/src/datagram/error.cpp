// SPDX-License-Identifier: BSL-1.0
#include <hawser/datagram.hpp>

#include "values/error_category.hpp"

namespace hawser::inline v0_1 {
namespace {

detail::error_words datagram_words(int value) noexcept
{
    switch (static_cast<datagram_errc>(value)) {
    case datagram_errc::receive_timeout: return {"receive_timeout", "no datagram within the timeout"};
    case datagram_errc::send_timeout: return {"send_timeout", "no room for a datagram within the timeout"};
    case datagram_errc::answer_too_large: return {"answer_too_large", "more than may answer one datagram"};
    }
    return detail::unknown_error;
}

} // namespace

const boost::system::error_category& datagram_category() noexcept
{
    static const detail::named_category instance{"hawser.datagram", datagram_words};
    return instance;
}

} // namespace hawser::inline v0_1
