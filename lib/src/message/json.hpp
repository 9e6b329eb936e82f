// SPDX-License-Identifier: BSL-1.0

// JSON as Python's json.dumps(ensure_ascii=False) writes it: ", " and ": " between, and no escape that is not needed.
#ifndef HAWSER_SRC_MESSAGE_JSON_HPP
#define HAWSER_SRC_MESSAGE_JSON_HPP

#include <hawser/bytes.hpp>

#include <string>

namespace hawser::inline v0_1::messages::detail {

/// Appends a string in its quotes. `text` is UTF-8.
void append_json(std::string& out, bytes_view text);

/// A string in its quotes for the words of an error: of a long one the first bytes, and how many it has.
std::string json_quoted(bytes_view text);

/// The same without quotes: a number as its peer wrote it.
std::string shortened(bytes_view text);

} // namespace hawser::inline v0_1::messages::detail

#endif
