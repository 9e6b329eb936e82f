// SPDX-License-Identifier: BSL-1.0

// What resolve has found, as text for a person or as JSON for a program.
#ifndef HAWSER_APPS_RESOLVE_OUTPUT_HPP
#define HAWSER_APPS_RESOLVE_OUTPUT_HPP

#include <hawser/names.hpp>

#include <string>
#include <vector>

namespace app {

enum class result_format { text, json };

/// One line of five fields for each result:
///
///     inet   stream  tcp  localhost  127.0.0.1:80
///
/// As JSON an array of objects, with the same fields in full.
void print_results(const std::vector<hawser::address_info>& found, result_format format);

/// Three lines: name, aliases, addresses. As JSON an object.
void print_result(const hawser::host_entry& found, result_format format);

/// A line. As JSON a string.
void print_result(const std::string& found, result_format format);

} // namespace app

#endif
