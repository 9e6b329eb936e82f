// SPDX-License-Identifier: BSL-1.0
#include "common/values.hpp"

#include "common/shown.hpp"

#include <boost/asio/ip/address.hpp>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>

namespace app {
namespace {

using namespace std::chrono_literals;

struct unit {
    std::string_view name;
    hawser::duration length;
};

constexpr std::array units{unit{"us", 1us}, unit{"ms", 1ms}, unit{"s", 1s}, unit{"m", 1min}, unit{"h", 1h}};
constexpr hawser::duration longest = 100'000h;

[[noreturn]] void refuse(const std::string& expected, std::string_view text)
{
    throw usage_error{"expected " + expected + ", got " + shown(text)};
}

} // namespace

hawser::duration read_duration(std::string_view text)
{
    if (text == "never")
        return hawser::never;
    const std::string expected = "a duration with a unit, such as 500ms, 10s or 2m, or never";
    double count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count, std::chars_format::fixed);
    const std::string_view rest{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    if (error != std::errc{} || !(count >= 0))
        refuse(expected, text);
    for (const unit& u : units) {
        if (u.name != rest)
            continue;
        const double nanoseconds = count * static_cast<double>(u.length.count());
        if (nanoseconds < 1 || nanoseconds > static_cast<double>(longest.count()))
            refuse("a duration above zero and at most 100000h, or never", text);
        return hawser::duration{static_cast<hawser::duration::rep>(nanoseconds)};
    }
    refuse(expected, text);
}

std::string to_string(hawser::duration wait)
{
    if (wait == hawser::never)
        return "never";
    std::array<char, 32> text{};
    const int size = std::snprintf(text.data(), text.size(), "%g s", std::chrono::duration<double>(wait).count());
    return {text.data(), static_cast<std::size_t>(size)};
}

std::uint64_t read_number(std::string_view text, std::uint64_t least, std::uint64_t most, const char* name)
{
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most)
        refuse("a number from " + std::to_string(least) + " to " + std::to_string(most) +
                   (name != nullptr ? std::string{" for "} + name : ""),
               text);
    return number;
}

std::string read_file_name(const std::string& text)
{
    std::error_code none;
    const int why = ::access(text.c_str(), R_OK) != 0 ? errno : std::filesystem::is_directory(text, none) ? EISDIR : 0;
    if (why != 0)
        refuse("a file that can be read (" + hawser::symbol({why, boost::system::system_category()}) + ')', text);
    return text;
}

std::string read_numeric_address(const std::string& text)
{
    boost::system::error_code error;
    boost::asio::ip::make_address(text, error);
    if (error)
        refuse("an IPv4 or IPv6 address", text);
    return text;
}

void add_mode(command_line& line, mode& chosen)
{
    line.add_value("--mode", "bytes|frames", "As it comes, or frames with a 4-byte length (default: bytes)",
                   [&chosen](const std::string& text) {
                       if (text != "bytes" && text != "frames")
                           refuse("bytes or frames", text);
                       chosen = text == "frames" ? mode::frames : mode::bytes;
                   });
}

std::vector<hawser::endpoint> read_endpoints(const std::vector<std::string>& texts, const char* otherwise)
{
    if (texts.empty())
        return {otherwise};
    return {texts.begin(), texts.end()};
}

hawser::endpoint read_address(const std::vector<std::string>& texts)
{
    if (texts.size() == 1)
        return texts[0];
    const std::string& host = texts.at(0);
    const bool bare_ipv6 = host.find(':') != host.npos && !host.starts_with('[');
    return "tcp://" + (bare_ipv6 ? '[' + host + ']' : host) + ':' + texts.at(1);
}

} // namespace app
