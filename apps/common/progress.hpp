// SPDX-License-Identifier: BSL-1.0

// How far a download is, or whatever else is counted, on one line of a terminal:
//
//      45% [=========>           ] 460.8 MiB of 1.0 GiB, 112.3 MiB/s, 5 s left
//      45% [=========>           ] 29491 of 65535 ports, 9871/s, 4 s left
//      29491 messages, 9871/s, 3 errors
#ifndef HAWSER_APPS_COMMON_PROGRESS_HPP
#define HAWSER_APPS_COMMON_PROGRESS_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace app {

/// What the line says.
struct progress_state {
    std::uint64_t received = 0;
    std::optional<std::uint64_t> total; ///< unset: nobody has said; then neither percent, bar nor time left
    double rate = 0;                    ///< bytes a second
    bool done = false;                  ///< then `elapsed` is shown instead of the time left
    std::chrono::duration<double> elapsed{};
    std::string things;       ///< what is counted; empty: bytes
    std::uint64_t errors = 0; ///< shown if there are any
};

/// The line for a terminal of `width` columns, shorter than that.
std::string progress_line(const progress_state& state, std::size_t width);

/// Draws the line on standard error if that is a terminal, and nothing otherwise. The line goes when it ends, unless
/// finish() has left it there.
class progress
{
public:
    explicit progress(std::optional<std::uint64_t> total, std::string things = {});
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress() { clear(); }

    /// So many more bytes, or things, have come.
    void add(std::size_t bytes);

    /// So many have come in all, and so many errors.
    void reach(std::uint64_t received, std::uint64_t errors);

    /// Draws, unless it did less than a tenth of a second ago. Once in a while also when nothing comes.
    void refresh();

    /// All has come: the line stays.
    void finish();

    /// Takes the line from the terminal, if it is there. Also for signal handlers.
    static void clear() noexcept;

private:
    using steady = std::chrono::steady_clock;

    void measure(steady::time_point now);
    void draw();

    progress_state state_;
    const bool shown_;
    steady::time_point begun_ = steady::now();
    steady::time_point measured_ = begun_;
    std::uint64_t measured_bytes_ = 0;
};

} // namespace app

#endif
