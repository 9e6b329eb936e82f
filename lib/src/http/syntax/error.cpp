// SPDX-License-Identifier: BSL-1.0
#include <hawser/http/error.hpp>

#include "values/error_category.hpp"

namespace hawser::inline v0_1::http {
namespace {

hawser::detail::error_words http_words(int value) noexcept
{
    switch (static_cast<errc>(value)) {
    case errc::request_refused: return {"request_refused", "HTTP request that was refused"};
    case errc::invalid_url: return {"invalid_url", "URL that cannot be asked for"};
    case errc::invalid_response: return {"invalid_response", "response that breaks HTTP/1.1"};
    case errc::response_timeout: return {"response_timeout", "head of the response not whole before its deadline"};
    case errc::body_timeout: return {"body_timeout", "no byte of the body before the deadline"};
    case errc::too_many_redirects: return {"too_many_redirects", "more redirections than the limit"};
    case errc::redirect_loop: return {"redirect_loop", "redirections that come back to where they were"};
    case errc::redirect_refused: return {"redirect_refused", "redirection that is not to be followed"};
    case errc::unsuccessful: return {"unsuccessful", "response with a status of 400 or more"};
    }
    return hawser::detail::unknown_error;
}

} // namespace

const boost::system::error_category& category() noexcept
{
    static const hawser::detail::named_category instance{"hawser.http", http_words};
    return instance;
}

} // namespace hawser::inline v0_1::http
