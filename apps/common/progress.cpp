// SPDX-License-Identifier: BSL-1.0
#include "common/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <utility>

namespace app {
namespace {

using namespace std::chrono_literals;

constexpr auto redraw_after = 100ms;
constexpr double remembered = 3; // seconds over which the rate is smoothed
constexpr std::size_t usual_width = 80;
constexpr std::size_t least_bar = 5;

std::atomic<bool> drawn{false};

void put(const std::string& text) noexcept
{
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

template <class... Values>
std::string format(const char* form, Values... values)
{
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), form, values...);
    return text.data();
}

std::string amount(double bytes)
{
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (; bytes >= 1023.95 && unit + 1 < units.size(); ++unit)
        bytes /= 1024;
    return format(unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units.at(unit));
}

std::string span(double seconds)
{
    if (!(seconds < 360000)) // also what is no number
        return "more than 100 h";
    const auto s = static_cast<long>(std::ceil(seconds));
    if (s < 60)
        return format("%ld s", s);
    if (s < 3600)
        return format("%ld:%02ld min", s / 60, s % 60);
    return format("%ld:%02ld h", s / 3600, s % 3600 / 60);
}

std::string bar(double part, std::size_t inside)
{
    const auto filled = std::min(inside, static_cast<std::size_t>(part * static_cast<double>(inside)));
    std::string text(filled, '=');
    if (filled < inside)
        text += '>';
    text.resize(inside, ' ');
    return '[' + text + "] ";
}

std::size_t terminal_width()
{
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual_width;
}

} // namespace

std::string progress_line(const progress_state& state, std::size_t width)
{
    const auto received = static_cast<double>(state.received);
    const auto counted = [&](double n) { return state.things.empty() ? amount(n) : format("%.0f", n); };
    std::string tail = counted(received);
    if (state.total && !state.done)
        tail += " of " + counted(static_cast<double>(*state.total));
    if (!state.things.empty())
        tail += ' ' + state.things;
    tail += ", " + counted(state.rate) + "/s";
    if (state.done)
        tail += ", in " + span(state.elapsed.count());
    else if (state.total)
        tail += ", " + (state.rate > 0 ? span((static_cast<double>(*state.total) - received) / state.rate) + " left"
                                       : std::string{"waiting"});
    if (state.errors != 0)
        tail += format(", %llu error%s", static_cast<unsigned long long>(state.errors), state.errors == 1 ? "" : "s");
    std::string line;
    if (state.total) {
        const double part = *state.total == 0 ? 1 : std::min(1.0, received / static_cast<double>(*state.total));
        line = format("%3d%% ", static_cast<int>(part * 100));
        const std::size_t taken = line.size() + tail.size() + 4; // "[", "] ", and the last column, which stays free
        if (width >= taken + least_bar)
            line += bar(part, width - taken);
    }
    line += tail;
    line.resize(std::min(line.size(), width > 0 ? width - 1 : 0));
    return line;
}

progress::progress(std::optional<std::uint64_t> total, std::string things) : shown_{::isatty(STDERR_FILENO) == 1}
{
    state_.total = total;
    state_.things = std::move(things);
    draw();
}

void progress::add(std::size_t bytes)
{
    state_.received += bytes;
    refresh();
}

void progress::reach(std::uint64_t received, std::uint64_t errors)
{
    state_.received = received;
    state_.errors = errors;
    refresh();
}

void progress::refresh()
{
    const auto now = steady::now();
    if (now - measured_ < redraw_after)
        return;
    measure(now);
    draw();
}

// The first stretch counts as it is, and each later one by how long it was.
void progress::measure(steady::time_point now)
{
    const double seconds = std::chrono::duration<double>(now - measured_).count();
    const double rate = static_cast<double>(state_.received - measured_bytes_) / seconds;
    const double weight = measured_ == begun_ ? 1 : 1 - std::exp(-seconds / remembered);
    state_.rate += (rate - state_.rate) * weight;
    measured_ = now;
    measured_bytes_ = state_.received;
}

void progress::draw()
{
    if (!shown_)
        return;
    drawn = true;
    put("\r" + progress_line(state_, terminal_width()) + "\x1b[K");
}

void progress::finish()
{
    state_.done = true;
    state_.elapsed = steady::now() - begun_;
    state_.rate = static_cast<double>(state_.received) / std::max(state_.elapsed.count(), 1e-3);
    draw();
    if (drawn.exchange(false))
        put("\n");
}

void progress::clear() noexcept
{
    if (drawn.exchange(false)) {
        constexpr char text[] = "\r\x1b[K";
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, sizeof text - 1);
    }
}

} // namespace app
