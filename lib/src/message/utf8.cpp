// SPDX-License-Identifier: BSL-1.0
#include "message/utf8.hpp"

#include <boost/locale/utf.hpp>

#include <iterator>

namespace hawser::inline v0_1::messages::detail {

namespace utf = boost::locale::utf;
using utf8 = utf::utf_traits<char>;

std::size_t valid_utf8(bytes_view text) noexcept
{
    const char* const end = text.data() + text.size();
    const char* valid = text.data();
    for (const char* at = valid; at != end; valid = at)
        if (!utf::is_valid_codepoint(utf8::decode(at, end)))
            break;
    return static_cast<std::size_t>(valid - text.data());
}

void append_utf8(std::string& out, char32_t code)
{
    utf8::encode(code, std::back_inserter(out));
}

} // namespace hawser::inline v0_1::messages::detail
