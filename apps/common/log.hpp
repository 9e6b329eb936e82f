// SPDX-License-Identifier: BSL-1.0

// The log of a server: lines on standard error. It never keeps a session waiting. When standard error is not read, or
// its disk is full, lines are left out, the oldest first, and their number is the first line once it is taken again.
#ifndef HAWSER_APPS_COMMON_LOG_HPP
#define HAWSER_APPS_COMMON_LOG_HPP

#include <hawser/time.hpp>

#include <string_view>

namespace app {

/// Starts the thread that writes, which log() would else do: a line then needs little memory when there is none left.
void start_log() noexcept;

/// Writes one line, soon and from a thread of its own. What is not printable in it is escaped. From any thread.
void log(std::string_view line) noexcept;

/// Waits until everything is written, but no longer than `most`.
void flush_log(hawser::duration most) noexcept;

} // namespace app

#endif
