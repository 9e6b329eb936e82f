// SPDX-License-Identifier: BSL-1.0
#include "http/syntax/gate.hpp"
#include "http/syntax/head_scan.hpp"
#include "http/syntax/tokens.hpp"

#include <hawser/http/parser.hpp>

namespace hawser::inline v0_1::http {
namespace {

// What a request line has beside its target: a method, the version, two spaces, with room to spare. A line that is
// longer without an end is one whose target is too long, or whose method is.
constexpr std::size_t beside_target = 64;

refusal overlong(bytes_view line) noexcept
{
    if (line.find(' ') == bytes_view::npos)
        return {status::not_implemented, "request line: expected a method that is implemented", line};
    return {status::uri_too_long, "target: longer than the limit", line};
}

} // namespace

request_parser::request_parser(const head_limits& limits) : limits_{limits}
{
    detail::check(limits);
}

progress request_parser::refuse(const http::refusal& why) noexcept
{
    refusal_ = why;
    return state_ = progress::refused;
}

progress request_parser::parse(bytes_view input)
{
    const std::size_t first_line = limits_.target + beside_target;
    while (state_ == progress::need_more) {
        switch (detail::scan_head(scan_, input, limits_, first_line, refusal_)) {
        case detail::scanned::need_more: return progress::need_more;
        case detail::scanned::too_long: return refuse(overlong(input.substr(0, first_line)));
        case detail::scanned::refused: return state_ = progress::refused;
        case detail::scanned::first_line: begin(input); break;
        case detail::scanned::complete: finish(input.substr(0, scan_.scanned)); break;
        }
    }
    return state_;
}

void request_parser::begin(bytes_view input) noexcept
{
    auto& facts = detail::head_access::facts(head_);
    facts = {};
    authority_ = {};
    if (!detail::read_request_line(input.substr(0, scan_.line - 2), limits_, facts, authority_, refusal_))
        state_ = progress::refused;
}

void request_parser::finish(bytes_view head)
{
    auto& facts = detail::head_access::facts(head_);
    detail::head_access::reserve(head_, scan_.lines - 1, limits_.fields);
    detail::request_gate gate{detail::head_access::of(head_), head};
    const detail::token_error wrong = detail::tokenize(head, gate);
    if (wrong.words.empty() && gate.finish(facts, head.substr(authority_.at, authority_.size))) {
        facts.size = static_cast<std::uint16_t>(head.size());
        state_ = progress::complete;
        return;
    }
    if (gate.refusal().words.empty()) {
        const bytes_view line = head.substr(wrong.at);
        refuse({status::bad_request, wrong.words, line.substr(0, line.find('\r'))});
        return;
    }
    refuse(gate.refusal());
}

} // namespace hawser::inline v0_1::http
