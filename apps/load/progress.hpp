// SPDX-License-Identifier: BSL-1.0

// How far a run is, on one line of a terminal.
#ifndef LOAD_PROGRESS_HPP
#define LOAD_PROGRESS_HPP

#include "options.hpp"
#include "tally.hpp"

#include <cstdint>
#include <cstdio>

#include <unistd.h>

namespace load {

class progress
{
public:
    /// Shows nothing where standard error is no terminal, or the result is for a program.
    explicit progress(const options& o) noexcept : shown_{!o.json && ::isatty(STDERR_FILENO) == 1} {}
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress()
    {
        if (drawn_)
            std::fputs("\r\033[K", stderr);
    }

    /// What is counted by now; drawn five times a second at most.
    void show(std::int64_t time, const tally& counts)
    {
        constexpr std::int64_t interval = 200'000'000;
        if (!shown_ || time - time_ < interval)
            return;
        if (time_ != 0) {
            std::fprintf(stderr, "\r\033[K%llu messages, %.0f a second",
                         static_cast<unsigned long long>(counts.answered),
                         static_cast<double>(counts.answered - answered_) * 1e9 / static_cast<double>(time - time_));
            if (const auto errors = counts.errors.total(); errors != 0)
                std::fprintf(stderr, ", %llu errors", static_cast<unsigned long long>(errors));
            drawn_ = true;
        }
        time_ = time;
        answered_ = counts.answered;
    }

private:
    bool shown_;
    bool drawn_ = false;
    std::int64_t time_ = 0;
    std::uint64_t answered_ = 0;
};

} // namespace load

#endif
