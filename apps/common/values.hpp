// SPDX-License-Identifier: BSL-1.0

// The values of a command line, from text. Each function throws usage_error saying what was expected and what was
// given; an endpoint does the same by endpoint_error.
#ifndef HAWSER_APPS_COMMON_VALUES_HPP
#define HAWSER_APPS_COMMON_VALUES_HPP

#include "common/command_line.hpp"

#include <hawser/endpoint.hpp>
#include <hawser/time.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace app {

/// `500ms`, `10s`, `0.5s`, `2m`, `1h`, all above zero, or `never`. A number without a unit is refused.
hawser::duration read_duration(std::string_view text);

/// In seconds: 5 s, 0.3 s, never.
std::string to_string(hawser::duration wait);

/// Digits alone, from `least` to `most`. `name` is for the error of a positional argument.
std::uint64_t read_number(std::string_view text, std::uint64_t least, std::uint64_t most, const char* name = nullptr);

/// The name of a file that may be read, and is no directory. It is not opened: a pipe can be read once.
std::string read_file_name(const std::string& text);

/// An IPv4 or IPv6 address, as text again.
std::string read_numeric_address(const std::string& text);

/// How a stream is echoed: as it comes, or frame by frame.
enum class mode { bytes, frames };

/// Declares --mode.
void add_mode(command_line& line, mode& chosen);

/// Each text as an endpoint; `otherwise` if there is none.
std::vector<hawser::endpoint> read_endpoints(const std::vector<std::string>& texts, const char* otherwise);

/// One text is an ENDPOINT, two are a HOST, in which an IPv6 address needs no brackets, and a PORT.
hawser::endpoint read_address(const std::vector<std::string>& texts);

} // namespace app

#endif
