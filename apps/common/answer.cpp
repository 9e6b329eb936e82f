// SPDX-License-Identifier: BSL-1.0
#include "common/answer.hpp"

#include "common/program.hpp"
#include "common/shown.hpp"

#include <algorithm>

namespace app {

hawser::awaitable<void> read_to_end(hawser::connection& peer, const hawser::endpoint& where, std::size_t limit,
                                    std::string& text)
{
    for (;;) {
        if (text.size() > limit)
            throw failure{where.to_string() + ": expected at most " + std::to_string(limit) + " bytes, got more"};
        const auto bytes = co_await peer.read_some();
        if (!bytes)
            break;
        text += *bytes;
    }
    if (text.empty())
        throw failure{where.to_string() + ": expected an answer, got the end of the connection"};
}

void print_lines(hawser::bytes_view text)
{
    const auto first = std::min(text.find_first_not_of("\r\n"), text.size());
    text = text.substr(first, text.find_last_not_of("\r\n") + 1 - first);
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        hawser::bytes_view line = text.substr(begin, end - begin);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        print(one_line(line));
        begin = end + 1;
    }
}

} // namespace app
