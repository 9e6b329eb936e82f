// SPDX-License-Identifier: BSL-1.0

// libFuzzer target of the client's URLs. The first line of an input is a URL, the rest a reference that is followed
// from there. Corpus: corpus/http_url.
//
// What must hold for any bytes:
//   - a URL is refused with http::errc::invalid_url, or names a host, a port, and what a request can ask for in one
//     line
//   - what is taken reads the same once it is written out
//   - a reference leads to such a URL, or is refused the same way
#include "http/syntax/url.hpp"

#include <hawser/http/error.hpp>
#include <hawser/http/writer.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

namespace {

using namespace hawser::http;
using detail::url;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

template <class Read>
std::optional<url> taken(Read&& read)
{
    try {
        return read();
    } catch (const hawser::error& e) {
        require(e.code() == hawser::http::errc::invalid_url && *e.what() != '\0');
        return std::nullopt;
    }
}

void check(const url& u)
{
    require(!u.host.empty() && u.port != 0 && u.target.starts_with('/') && u.target.find('#') == u.target.npos);
    std::string request; // which throws what may not be in it
    append_request_line(request, "GET", u.target);
    append_field(request, "Host", u.authority());

    const url again = detail::parse_url(u.to_string());
    require(again.same_origin(u) && again.target == u.target && again.to_string() == u.to_string());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    const std::size_t line = std::min(input.find('\n'), size);
    const auto base = taken([&] { return detail::parse_url(input.substr(0, line)); });
    if (!base)
        return 0;
    check(*base);
    if (line == size)
        return 0;
    if (const auto led = taken([&] { return detail::resolve_url(*base, input.substr(line + 1)); }))
        check(*led);
    return 0;
}
