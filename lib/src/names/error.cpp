// SPDX-License-Identifier: BSL-1.0
#include <hawser/names.hpp>

#include "values/error_category.hpp"

namespace hawser::inline v0_1 {
namespace {

detail::error_words name_words(int value) noexcept
{
    switch (static_cast<name_errc>(value)) {
    case name_errc::invalid_name: return {"invalid_name", "name that cannot be looked up"};
    }
    return detail::unknown_error;
}

detail::error_words host_words(int value) noexcept
{
    switch (static_cast<host_errc>(value)) {
    case host_errc::host_not_found: return {"HOST_NOT_FOUND", "Unknown host"};
    case host_errc::try_again: return {"TRY_AGAIN", "Host name lookup failure"};
    case host_errc::no_recovery: return {"NO_RECOVERY", "Unknown server error"};
    case host_errc::no_data: return {"NO_DATA", "No address associated with name"};
    }
    return detail::unknown_error;
}

} // namespace

const boost::system::error_category& name_category() noexcept
{
    static const detail::named_category instance{"hawser.names", name_words};
    return instance;
}

const boost::system::error_category& host_category() noexcept
{
    static const detail::named_category instance{"host", host_words};
    return instance;
}

} // namespace hawser::inline v0_1
