// SPDX-License-Identifier: BSL-1.0

// What a client sends: five fields of its own, always the same and in the same order, and then those that it is told.
#include "http/client/transfer.hpp"

#include <hawser/http/writer.hpp>

#include <algorithm>
#include <array>

namespace hawser::inline v0_1::http::detail {
namespace {

// The client's own, and those that frame or transform a message.
constexpr std::array<std::string_view, 11> refused_names{
    "Connection", "Content-Length",    "Expect",  "Host",      "Keep-Alive", "Proxy-Connection", "TE",
    "Trailer",    "Transfer-Encoding", "Upgrade", "User-Agent"};

constexpr std::array<std::string_view, 3> secret_names{"Authorization", "Cookie", "Proxy-Authorization"};

bool is_one_of(std::string_view name, const auto& names) noexcept
{
    return std::any_of(names.begin(), names.end(), [name](std::string_view n) { return same_name(n, name); });
}

} // namespace

void check_fields(const std::vector<field>& fields)
{
    for (const field& f : fields) {
        check_field(f.name, f.value);
        if (is_one_of(f.name, refused_names))
            throw field_error{"field " + f.name + ": expected one that the client does not set itself"};
    }
}

std::string request_text(const fetch& f)
{
    const url& u = f.way.current();
    std::string out;
    append_request_line(out, to_string(f.method), u.target);
    append_field(out, "Host", u.authority());
    append_field(out, "User-Agent", f.options.user_agent.empty() ? f.user_agent : f.options.user_agent);
    append_field(out, "Accept", "*/*");
    append_connection(out, false);
    for (const field& each : f.options.fields)
        if (f.way.at_origin() || !is_one_of(each.name, secret_names))
            append_field(out, each.name, each.value);
    end_head(out);
    return out;
}

} // namespace hawser::inline v0_1::http::detail
