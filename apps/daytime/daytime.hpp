// SPDX-License-Identifier: BSL-1.0

// The time of day as the daytime protocol (RFC 867) says it: one line, of which the RFC leaves the form open.
//
//     Saturday, November 21, 2026 15:04:05-UTC              ours, as the RFC suggests
//     61365 26-11-21 15:04:05 00 0 0 123.4 UTC(NIST) *      that of the NIST's servers; 61365 is the day, by the
//                                                           modified Julian date
#ifndef HAWSER_APPS_DAYTIME_DAYTIME_HPP
#define HAWSER_APPS_DAYTIME_DAYTIME_HPP

#include <chrono>
#include <optional>
#include <string>

namespace app {

/// The line for an instant, with its CR LF.
std::string daytime_line(std::chrono::sys_seconds now);

/// The instant that such a line says, in either form; nothing for any other.
std::optional<std::chrono::sys_seconds> read_daytime(const std::string& line);

/// How far the clock that said `theirs` is ahead of ours, rounded to seconds, when it was read between two instants of
/// ours. 0 if it may have been the same as ours: a line has no fractions of a second.
std::chrono::seconds skew(std::chrono::sys_seconds theirs, std::chrono::system_clock::time_point begin,
                          std::chrono::system_clock::time_point end);

} // namespace app

#endif
