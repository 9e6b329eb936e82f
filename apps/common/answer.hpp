// SPDX-License-Identifier: BSL-1.0

// What a service says and then ends: text that is read to its end, within a limit, and printed.
#ifndef HAWSER_APPS_COMMON_ANSWER_HPP
#define HAWSER_APPS_COMMON_ANSWER_HPP

#include <hawser/connection.hpp>

#include <cstddef>
#include <string>

namespace app {

/// Appends to `text` all that the peer sends before it ends the stream. Throws failure, naming the peer as `where`, if
/// `text` is empty then, or would have more than `limit` bytes; otherwise as connection::read_some().
hawser::awaitable<void> read_to_end(hawser::connection& peer, const hawser::endpoint& where, std::size_t limit,
                                    std::string& text);

/// Prints it line by line, without empty lines at its begin and end; what is not printable is escaped.
void print_lines(hawser::bytes_view text);

} // namespace app

#endif
