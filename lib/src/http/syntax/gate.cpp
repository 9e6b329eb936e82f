// SPDX-License-Identifier: BSL-1.0
#include "http/syntax/gate.hpp"

#include "http/syntax/characters.hpp"

namespace hawser::inline v0_1::http::detail {
namespace {

// Of a list without quoted strings: each element trimmed, empty ones included. Stops where f says false.
template <class Function>
bool each_element(std::string_view list, Function f) noexcept
{
    for (;;) {
        const std::size_t comma = list.find(',');
        if (!f(trimmed(list.substr(0, comma))))
            return false;
        if (comma == std::string_view::npos)
            return true;
        list.remove_prefix(comma + 1);
    }
}

// A name that becomes one of these where a gateway turns `_` into `-`.
bool poses_as_framing(std::string_view name) noexcept
{
    constexpr std::string_view length = "content-length";
    constexpr std::string_view coding = "transfer-encoding";
    if (name.size() != length.size() && name.size() != coding.size())
        return false;
    const std::string_view model = name.size() == length.size() ? length : coding;
    bool underscore = false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        underscore |= name[i] == '_';
        if ((name[i] == '_' ? '-' : lower(name[i])) != model[i])
            return false;
    }
    return underscore;
}

} // namespace

// ---- What frames a message

framing_gate::framing_gate(fields& to, bytes_view head) noexcept : fields_{to}, base_{head.data()}
{
    head_access::begin(to, head.data());
}

bool framing_gate::refuse(status code, std::string_view words, bytes_view value) noexcept
{
    refusal_ = {code, words, value};
    return false;
}

span framing_gate::part(std::string_view text) const noexcept
{
    return {static_cast<std::uint16_t>(text.data() - base_), static_cast<std::uint16_t>(text.size())};
}

bool framing_gate::add(std::string_view name, std::string_view value) noexcept
{
    // An empty value may stand nowhere.
    head_access::add(fields_, part(name), value.empty() ? span{} : part(value));
    return true;
}

bool framing_gate::take_length(std::string_view value) noexcept
{
    constexpr std::size_t most_digits = 18; // fits whatever they are
    if (length_ != no_length)
        return refuse(status::bad_request, "Content-Length: expected one", value);
    if (value.empty() || value.size() > most_digits || !all(value, digit_character))
        return refuse(status::bad_request, "Content-Length: expected 1 to 18 digits", value);
    length_ = 0;
    for (const char digit : value)
        length_ = 10 * length_ + static_cast<std::uint64_t>(digit - '0');
    return true;
}

bool framing_gate::take_coding(std::string_view value) noexcept
{
    coded_ = true;
    coding_ = value;
    return each_element(value, [this, value](std::string_view coding) {
        if (!is_token(coding)) // parameters are for codings that are not understood anyway
            return refuse(status::bad_request, "Transfer-Encoding: expected codings without parameters", value);
        if (chunked_)
            after_chunked_ = true;
        if (same_name(coding, "chunked"))
            chunked_ = true;
        else
            other_coding_ = true;
        return true;
    });
}

bool framing_gate::take_connection(std::string_view value) noexcept
{
    return each_element(value, [this](std::string_view option) { return take_connection_option(option); });
}

bool framing_gate::take_connection_option(std::string_view option) noexcept
{
    if (same_name(option, "close"))
        close_ = true;
    else if (same_name(option, "keep-alive"))
        keep_ = true;
    else if (same_name(option, "content-length") || same_name(option, "transfer-encoding") || same_name(option, "host"))
        return refuse(status::bad_request, "Connection: names a field that every recipient needs", option);
    else if (!option.empty() && !is_token(option))
        return refuse(status::bad_request, "Connection: expected names", option);
    return true;
}

bool framing_gate::check_framing(unsigned minor) noexcept
{
    if (!coded_)
        return true;
    if (length_ != no_length)
        return refuse(status::bad_request, "Transfer-Encoding: expected no Content-Length beside it", coding_);
    if (minor == 0)
        return refuse(status::bad_request, "Transfer-Encoding: not in HTTP/1.0", coding_);
    if (!chunked_ || after_chunked_)
        return refuse(status::bad_request, "Transfer-Encoding: expected chunked last, and once", coding_);
    if (other_coding_)
        return refuse(status::not_implemented, "Transfer-Encoding: expected chunked alone", coding_);
    return true;
}

bool framing_gate::take(known_field which, std::string_view value) noexcept
{
    switch (which) {
    case known_field::connection: return take_connection(value);
    case known_field::content_length: return take_length(value);
    case known_field::transfer_encoding: return take_coding(value);
    case known_field::expect:
    case known_field::host:
    case known_field::other: break;
    }
    return true;
}

// ---- Requests

bool request_gate::on_field(known_field which, std::string_view name, std::string_view value) noexcept
{
    if (!take(which, value))
        return false;
    if (which == known_field::host && !take_host(value))
        return false;
    if (which == known_field::expect)
        take_expectation(value);
    if (which == known_field::other && poses_as_framing(name))
        return refuse(status::bad_request, "field: a name that may be taken for one that frames the body", name);
    return add(name, value);
}

void request_gate::take_expectation(std::string_view value) noexcept
{
    if (same_name(value, "100-continue")) {
        expects_continue_ = true;
    } else {
        expects_other_ = true;
        unknown_expectation_ = value;
    }
}

bool request_gate::take_host(std::string_view value) noexcept
{
    if (++hosts_ > 1)
        return refuse(status::bad_request, "Host: expected one", value);
    if (!is_authority(value))
        return refuse(status::bad_request, "Host: expected a name or an address, and a port of at most 65535", value);
    host_ = value;
    return true;
}

bool request_gate::check_host(const request_facts& facts, std::string_view authority) noexcept
{
    if (hosts_ == 0)
        return facts.minor == 0 || refuse(status::bad_request, "Host: expected one in HTTP/1.1, got none");
    return authority.empty() || same_name(authority, host_) ||
           refuse(status::bad_request, "Host: expected that of the absolute target", host_);
}

bool request_gate::finish(request_facts& facts, std::string_view authority) noexcept
{
    if (!check_framing(facts.minor) || !check_host(facts, authority))
        return false;
    if (expects_other_)
        return refuse(status::expectation_failed, "Expect: expected 100-continue", unknown_expectation_);
    facts.length = length_;
    facts.chunked = chunked_;
    facts.keep_alive = keep_alive(facts.minor);
    facts.expects_continue = expects_continue_ && facts.minor >= 1;
    const std::string_view host = hosts_ != 0 ? host_ : authority;
    facts.host = host.empty() ? span{} : part(host);
    return true;
}

// ---- Responses

bool response_gate::on_field(known_field which, std::string_view name, std::string_view value) noexcept
{
    return take(which, value) && add(name, value);
}

bool response_gate::finish(response_facts& facts, method request) noexcept
{
    if (!check_framing(facts.minor))
        return false;
    const bool bodiless = request == method::head || has_no_body(facts.status);
    if (chunked_ && has_no_body(facts.status) && facts.status != status::not_modified)
        return refuse(status::bad_gateway, "Transfer-Encoding: not with a status that has no body");
    facts.length = length_;
    if (bodiless)
        facts.framing = body_framing::none;
    else if (chunked_)
        facts.framing = body_framing::chunked;
    else if (length_ != no_length)
        facts.framing = body_framing::length;
    else
        facts.framing = body_framing::until_close;
    facts.keep_alive = keep_alive(facts.minor) && facts.framing != body_framing::until_close;
    return true;
}

} // namespace hawser::inline v0_1::http::detail
