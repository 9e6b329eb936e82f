// SPDX-License-Identifier: BSL-1.0

// The two clocks of a run: the time of day's steady sister, and the CPU time of another process.
#ifndef LOAD_CLOCK_HPP
#define LOAD_CLOCK_HPP

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

#include <sys/types.h>
#include <time.h>

namespace load {

inline std::int64_t read_clock(clockid_t clock) noexcept
{
    timespec t{};
    ::clock_gettime(clock, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

/// Nanoseconds of a steady clock.
inline std::int64_t now() noexcept
{
    return read_clock(CLOCK_MONOTONIC);
}

/// User and system time of all threads of a process, in nanoseconds: the sum of utime and stime of /proc/PID/stat,
/// which are given there in hundredths of a second.
class process_clock
{
public:
    explicit process_clock(pid_t process)
    {
        if (const int error = ::clock_getcpuclockid(process, &clock_))
            throw std::system_error{error, std::generic_category(), "CPU clock of process " + std::to_string(process)};
    }

    std::int64_t read() const noexcept { return read_clock(clock_); }

private:
    clockid_t clock_{};
};

} // namespace load

#endif
