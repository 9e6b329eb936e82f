// SPDX-License-Identifier: BSL-1.0
#include "daytime/daytime.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace app {
namespace {

using namespace std::chrono;

constexpr std::array<const char*, 7> days{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::array<const char*, 12> months{"January", "February", "March",     "April",   "May",      "June",
                                             "July",    "August",   "September", "October", "November", "December"};
constexpr int julian_day_of_1970 = 40587; // modified

std::optional<sys_seconds> at(const year_month_day& date, int hour, int minute, int second)
{
    if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) // a leap second
        return std::nullopt;
    return sys_days{date} + hours{hour} + minutes{minute} + seconds{second};
}

std::optional<sys_seconds> read_ours(const char* line)
{
    char name[16] = "";
    int number = 0;
    int year_number = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int end = -1;
    std::sscanf(line, "%*15[A-Za-z], %15[A-Za-z] %2d, %4d %2d:%2d:%2d-UTC%n", name, &number, &year_number, &hour,
                &minute, &second, &end);
    const auto month_at = std::find(months.begin(), months.end(), std::string_view{name});
    if (end < 0 || month_at == months.end())
        return std::nullopt;
    return at(year{year_number} / month(static_cast<unsigned>(month_at - months.begin()) + 1) / number, hour, minute,
              second);
}

std::optional<sys_seconds> read_nist(const char* line)
{
    int julian_day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int end = -1;
    std::sscanf(line, "%5d %*2d-%*2d-%*2d %2d:%2d:%2d %*2d %*1d %*1d %*f UTC(NIST)%n", &julian_day, &hour, &minute,
                &second, &end);
    if (end < 0)
        return std::nullopt;
    return at(year_month_day{sys_days{std::chrono::days{julian_day - julian_day_of_1970}}}, hour, minute, second);
}

} // namespace

std::string daytime_line(sys_seconds now)
{
    const sys_days today = floor<std::chrono::days>(now);
    const year_month_day date{today};
    const hh_mm_ss time{now - today};
    std::array<char, 80> text{};
    const int size = std::snprintf(text.data(), text.size(), "%s, %s %u, %d %02d:%02d:%02d-UTC\r\n",
                                   days[weekday{today}.c_encoding()], months[static_cast<unsigned>(date.month()) - 1],
                                   static_cast<unsigned>(date.day()), static_cast<int>(date.year()),
                                   static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                                   static_cast<int>(time.seconds().count()));
    return {text.data(), static_cast<std::size_t>(size)};
}

std::optional<sys_seconds> read_daytime(const std::string& line)
{
    const auto first = std::min(line.find_first_not_of("\r\n "), line.size());
    const auto ours = read_ours(line.c_str() + first);
    return ours ? ours : read_nist(line.c_str() + first);
}

seconds skew(sys_seconds theirs, system_clock::time_point begin, system_clock::time_point end)
{
    if (theirs <= end && begin < theirs + seconds{1})
        return seconds{0};
    const duration<double> middle = theirs - begin + milliseconds{500} - (end - begin) / 2;
    return seconds{std::llround(middle.count())};
}

} // namespace app
