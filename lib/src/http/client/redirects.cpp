// SPDX-License-Identifier: BSL-1.0
#include "http/client/redirects.hpp"

#include "values/text.hpp"

#include <hawser/http/error.hpp>

#include <algorithm>

namespace hawser::inline v0_1::http::detail {

using hawser::detail::quoted;
namespace {

bool is_redirection(status code) noexcept
{
    switch (code) {
    case status::moved_permanently:
    case status::found:
    case status::see_other:
    case status::temporary_redirect:
    case status::permanent_redirect: return true;
    default: return false;
    }
}

std::string number(std::size_t n)
{
    return std::to_string(n);
}

// From the first of the two equal URLs to the second.
std::string loop_in(const std::vector<std::string>& visited, const std::string& again)
{
    std::string words = "redirect_loop: ";
    for (auto u = std::find(visited.begin(), visited.end(), again); u != visited.end(); ++u)
        words += *u + " -> ";
    return words + again;
}

} // namespace

bool redirects::follow(status code, std::optional<std::string_view> location)
{
    if (limit_ == 0 || !is_redirection(code) || !location)
        return false;
    url next;
    try {
        next = resolve_url(current_, *location);
    } catch (const hawser::error& e) {
        throw hawser::error{errc::redirect_refused, "redirect_refused: Location: " + std::string{e.what()}};
    }
    const std::string text = next.to_string();
    if (current_.tls && !next.tls)
        throw hawser::error{errc::redirect_refused, "redirect_refused: from https to " + quoted(text)};
    if (std::find(visited_.begin(), visited_.end(), text) != visited_.end())
        throw hawser::error{errc::redirect_loop, loop_in(visited_, text)};
    if (visited_.size() > limit_)
        throw hawser::error{errc::too_many_redirects, "too_many_redirects: expected at most " + number(limit_) +
                                                          ", and the next is to " + quoted(text)};
    visited_.push_back(text);
    current_ = std::move(next);
    return true;
}

} // namespace hawser::inline v0_1::http::detail
