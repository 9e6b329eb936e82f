// SPDX-License-Identifier: BSL-1.0
#include "common/program.hpp"

#include "common/log.hpp"
#include "common/shown.hpp"

#include <hawser/error.hpp>
#include <hawser/names.hpp>

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <optional>

namespace app {
namespace {

constexpr int failed = 1;
constexpr int wrong_usage = 2;

int say(const command_line& line, const char* text, int status)
{
    std::cerr << line.name() + ": " + one_line(text) + '\n';
    return status;
}

// The status that the program ends with at once, if it does.
std::optional<int> parse(command_line& line, int argc, const char* const* argv)
{
    try {
        if (const auto instead = line.read(argc, argv)) {
            std::cout << *instead << std::flush;
            return 0;
        }
    } catch (const std::exception& error) {
        return say(line, error.what(), wrong_usage);
    }
    return std::nullopt;
}

std::atomic<void (*)()> clean_up{nullptr};

extern "C" void interrupted(int)
{
    if (void (*function)() = clean_up)
        function();
    constexpr char text[] = "caught SIGINT, exiting\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, sizeof text - 1);
    ::_exit(128 + SIGINT);
}

} // namespace

int run_server(command_line& line, int argc, const char* const* argv, const std::function<int()>& body)
{
    if (const auto status = parse(line, argc, argv))
        return *status;
    std::signal(SIGPIPE, SIG_IGN); // the reader of a log may go away
    int status = wrong_usage;
    try {
        status = body();
    } catch (const std::exception& error) {
        say(line, error.what(), wrong_usage);
    }
    flush_log(std::chrono::milliseconds{500});
    return status;
}

int run_client(command_line& line, int argc, const char* const* argv, const std::function<void()>& body)
{
    if (const auto status = parse(line, argc, argv))
        return *status;
    std::signal(SIGINT, interrupted);
    try {
        body();
        return 0;
    } catch (const interruption& signal) {
        std::cerr << std::string{signal.what()} + '\n';
        return 128 + SIGINT;
    } catch (const usage_error& error) {
        return say(line, error.what(), wrong_usage);
    } catch (const std::invalid_argument& error) {
        return say(line, error.what(), wrong_usage);
    } catch (const hawser::endpoint_error& error) {
        return say(line, error.what(), error.code() == hawser::errc::invalid_endpoint ? wrong_usage : failed);
    } catch (const hawser::name_error& error) {
        return say(line, error.what(), error.code() == hawser::name_errc::invalid_name ? wrong_usage : failed);
    } catch (const std::exception& error) {
        return say(line, error.what(), failed);
    }
}

void before_interruption(void (*function)()) noexcept
{
    clean_up = function;
}

void print(const std::string& text)
{
    if (!(std::cout << text + '\n' << std::flush))
        throw failure{"standard output: cannot be written"};
}

} // namespace app
