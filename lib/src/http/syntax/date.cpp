// SPDX-License-Identifier: BSL-1.0

// Dates as HTTP writes them (RFC 9110, section 5.6.7):
//
//     Sun, 06 Nov 1994 08:49:37 GMT     as they are written
//     Sunday, 06-Nov-94 08:49:37 GMT    obsolete, read
//     Sun Nov  6 08:49:37 1994          obsolete, read
#include <hawser/http/writer.hpp>

#include "http/syntax/characters.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace hawser::inline v0_1::http {
namespace {

namespace chrono = std::chrono;

constexpr std::string_view day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view long_day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday"};
constexpr std::string_view month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

constexpr std::int64_t earliest = -62'167'219'200; // 0000-01-01
constexpr std::int64_t latest = 253'402'300'799;   // 9999-12-31 23:59:59

void put_number(char* at, unsigned value, int digits) noexcept
{
    for (; digits-- > 0; value /= 10)
        at[digits] = static_cast<char>('0' + value % 10);
}

// Takes parts off the front of a text; once something was not as expected, nothing is any more.
class reader
{
public:
    explicit reader(std::string_view text) noexcept : rest_{text} {}

    reader& literal(std::string_view expected) noexcept
    {
        good_ = good_ && rest_.starts_with(expected);
        if (good_)
            rest_.remove_prefix(expected.size());
        return *this;
    }

    reader& number(unsigned& value, std::size_t digits) noexcept
    {
        good_ = good_ && rest_.size() >= digits && detail::all(rest_.substr(0, digits), detail::digit_character);
        if (!good_)
            return *this;
        value = 0;
        for (const char digit : rest_.substr(0, digits))
            value = 10 * value + static_cast<unsigned>(digit - '0');
        rest_.remove_prefix(digits);
        return *this;
    }

    template <std::size_t N>
    reader& one_of(const std::string_view (&names)[N], unsigned& index) noexcept
    {
        for (unsigned i = 0; good_ && i < N; ++i) {
            if (rest_.starts_with(names[i])) {
                index = i;
                rest_.remove_prefix(names[i].size());
                return *this;
            }
        }
        good_ = false;
        return *this;
    }

    bool at_end() const noexcept { return good_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool good_ = true;
};

struct parts {
    unsigned weekday = 0, day = 0, month = 0, year = 0, hour = 0, minute = 0, second = 0;
};

void read_time(reader& in, parts& p) noexcept
{
    in.number(p.hour, 2).literal(":").number(p.minute, 2).literal(":").number(p.second, 2);
}

bool read_usual(std::string_view text, parts& p) noexcept
{
    reader in{text};
    in.one_of(day_names, p.weekday).literal(", ").number(p.day, 2).literal(" ").one_of(month_names, p.month);
    in.literal(" ").number(p.year, 4).literal(" ");
    read_time(in, p);
    return in.literal(" GMT").at_end();
}

// A year of two digits below 70 is of this century: the format was given up before it began, and 1970 is where time
// begins.
bool read_rfc850(std::string_view text, parts& p) noexcept
{
    reader in{text};
    in.one_of(long_day_names, p.weekday).literal(", ").number(p.day, 2).literal("-").one_of(month_names, p.month);
    in.literal("-").number(p.year, 2).literal(" ");
    read_time(in, p);
    p.year += p.year < 70 ? 2000 : 1900;
    return in.literal(" GMT").at_end();
}

bool read_asctime(std::string_view text, parts& p) noexcept
{
    reader in{text};
    in.one_of(day_names, p.weekday).literal(" ").one_of(month_names, p.month).literal(" ");
    if (text.size() > 8 && text[8] == ' ')
        in.literal(" ").number(p.day, 1);
    else
        in.number(p.day, 2);
    in.literal(" ");
    read_time(in, p);
    return in.literal(" ").number(p.year, 4).at_end();
}

} // namespace

void date_cache::format(std::int64_t seconds) noexcept
{
    seconds_ = seconds;
    const chrono::sys_seconds now{chrono::seconds{std::clamp(seconds, earliest, latest)}};
    const auto midnight = chrono::floor<chrono::days>(now);
    const chrono::year_month_day date{midnight};
    const chrono::hh_mm_ss time{now - midnight};
    const std::string_view day = day_names[chrono::weekday{midnight}.c_encoding()];
    const std::string_view month = month_names[static_cast<unsigned>(date.month()) - 1];

    char* const at = line_.data();
    std::memcpy(at, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", line_.size());
    std::memcpy(at + 6, day.data(), day.size());
    put_number(at + 11, static_cast<unsigned>(date.day()), 2);
    std::memcpy(at + 14, month.data(), month.size());
    put_number(at + 18, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    put_number(at + 23, static_cast<unsigned>(time.hours().count()), 2);
    put_number(at + 26, static_cast<unsigned>(time.minutes().count()), 2);
    put_number(at + 29, static_cast<unsigned>(time.seconds().count()), 2);
}

std::optional<std::int64_t> parse_date(std::string_view text) noexcept
{
    parts p;
    if (!read_usual(text, p) && !read_rfc850(text, p) && !read_asctime(text, p))
        return std::nullopt;
    const chrono::year_month_day date{chrono::year{static_cast<int>(p.year)}, chrono::month{p.month + 1},
                                      chrono::day{p.day}};
    // 60 is a leap second.
    if (!date.ok() || p.hour > 23 || p.minute > 59 || p.second > 60)
        return std::nullopt;
    const chrono::sys_days midnight{date};
    if (chrono::weekday{midnight}.c_encoding() != p.weekday)
        return std::nullopt;
    const auto time = chrono::hours{p.hour} + chrono::minutes{p.minute} + chrono::seconds{p.second};
    return chrono::sys_seconds{midnight + time}.time_since_epoch().count();
}

} // namespace hawser::inline v0_1::http
