// SPDX-License-Identifier: BSL-1.0
#include <hawser/http/parser.hpp>

#include "values/text.hpp"

namespace hawser::inline v0_1::http {

std::string describe(const refusal& r)
{
    std::string line{r.words};
    if (!r.value.empty())
        line += ", got " + hawser::detail::quoted(r.value);
    return line;
}

} // namespace hawser::inline v0_1::http
