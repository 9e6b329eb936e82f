// SPDX-License-Identifier: BSL-1.0
#include "http/syntax/characters.hpp"
#include "http/syntax/gate.hpp"
#include "http/syntax/head_scan.hpp"
#include "http/syntax/tokens.hpp"

#include <hawser/http/parser.hpp>

namespace hawser::inline v0_1::http {
namespace {

// `HTTP/1.1 200 OK`: the reason may be empty, the space before it may not be missing (RFC 9112, section 4).
bool read_status_line(bytes_view line, detail::response_facts& facts) noexcept
{
    constexpr std::size_t code_at = 9;
    constexpr std::size_t reason_at = 13;
    const bool version = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
    if (!version || line.size() < reason_at || line[reason_at - 1] != ' ' ||
        !detail::all(line.substr(code_at, 3), detail::digit_character) || line[code_at] < '1' || line[code_at] > '5')
        return false;
    facts.minor = static_cast<std::uint8_t>(line[7] - '0');
    facts.status =
        static_cast<status>(100 * (line[code_at] - '0') + 10 * (line[code_at + 1] - '0') + line[code_at + 2] - '0');
    facts.reason = {reason_at, static_cast<std::uint16_t>(line.size() - reason_at)};
    return true;
}

} // namespace

response_parser::response_parser(const head_limits& limits) : limits_{limits}
{
    detail::check(limits);
}

progress response_parser::refuse(const http::refusal& why) noexcept
{
    refusal_ = why;
    refusal_.status = status::bad_gateway;
    return state_ = progress::refused;
}

progress response_parser::parse(bytes_view input)
{
    while (state_ == progress::need_more) {
        switch (detail::scan_head(scan_, input, limits_, limits_.head, refusal_)) {
        case detail::scanned::need_more: return progress::need_more;
        case detail::scanned::too_long:
        case detail::scanned::refused: return refuse(refusal_);
        case detail::scanned::first_line: begin(input); break;
        case detail::scanned::complete: finish(input.substr(0, scan_.scanned)); break;
        }
    }
    return state_;
}

void response_parser::begin(bytes_view input) noexcept
{
    const bytes_view line = input.substr(0, scan_.line - 2);
    auto& facts = detail::head_access::facts(head_);
    facts = {};
    if (!read_status_line(line, facts))
        refuse({status::bad_gateway, "status line: expected HTTP/1.1 or HTTP/1.0, a status and a reason", line});
}

void response_parser::finish(bytes_view head)
{
    auto& facts = detail::head_access::facts(head_);
    detail::head_access::reserve(head_, scan_.lines - 1, limits_.fields);
    detail::response_gate gate{detail::head_access::of(head_), head};
    const detail::token_error wrong = detail::tokenize(head, gate);
    if (wrong.words.empty() && gate.finish(facts, request_)) {
        facts.size = static_cast<std::uint16_t>(head.size());
        state_ = progress::complete;
        return;
    }
    if (gate.refusal().words.empty()) {
        const bytes_view line = head.substr(wrong.at);
        refuse({status::bad_gateway, wrong.words, line.substr(0, line.find('\r'))});
        return;
    }
    refuse(gate.refusal());
}

} // namespace hawser::inline v0_1::http
