// SPDX-License-Identifier: BSL-1.0

// UTF-8 as RFC 3629 has it: the shortest form, no surrogates, nothing above U+10FFFF.
#ifndef HAWSER_SRC_MESSAGE_UTF8_HPP
#define HAWSER_SRC_MESSAGE_UTF8_HPP

#include <hawser/bytes.hpp>

#include <cstddef>
#include <string>

namespace hawser::inline v0_1::messages::detail {

/// How many bytes of `text` are UTF-8 before the first that is not: its size if all are.
std::size_t valid_utf8(bytes_view text) noexcept;

/// Appends a character; `code` is one.
void append_utf8(std::string& out, char32_t code);

} // namespace hawser::inline v0_1::messages::detail

#endif
