// SPDX-License-Identifier: BSL-1.0

// Bytes as a person reads them, on one line and with nothing in them that a terminal or a log would obey.
#ifndef HAWSER_APPS_COMMON_SHOWN_HPP
#define HAWSER_APPS_COMMON_SHOWN_HPP

#include <hawser/bytes.hpp>

#include <cstddef>
#include <string>

namespace app {

/// A payload in double quotes: printable UTF-8 as it is, a backslash before `"` and `\`, then \n, \r and \t, and every
/// other byte as \xNN. Of more than 256 bytes the first 256, and `... (N bytes)` behind the quotes.
std::string shown(hawser::bytes_view payload);

/// Text for one line of a log: as it is, but for what is not printable, which is shown as in a payload. At most 2,000
/// bytes, and then `...`.
std::string one_line(hawser::bytes_view text);

} // namespace app

#endif
