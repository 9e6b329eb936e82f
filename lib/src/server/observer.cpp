// SPDX-License-Identifier: BSL-1.0
#include <hawser/observer.hpp>

#include <algorithm>
#include <cstdio>

namespace hawser::inline v0_1 {
namespace {

constexpr duration one_line_each = std::chrono::seconds{1};

std::string seconds(duration d)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(d).count());
    return text;
}

// One line whatever the bytes: a peer must not write our log.
std::string printable(std::string_view text)
{
    std::string out;
    for (const char c : text.substr(0, 400)) {
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
            out += c;
        } else {
            char escaped[5];
            std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
            out += escaped;
        }
    }
    return out;
}

} // namespace

const char* to_string(end_reason reason) noexcept
{
    switch (reason) {
    case end_reason::completed: return "completed";
    case end_reason::failed: return "failed";
    case end_reason::threw: return "threw";
    case end_reason::cut: return "cut";
    case end_reason::refused: return "refused";
    case end_reason::shed: return "shed";
    }
    return "?";
}

std::string drain_report::to_string() const
{
    std::string text = "drained " + std::to_string(drained) + " connections" +
                       (datagrams != 0 ? " and " + std::to_string(datagrams) + " datagrams" : "") + " in " +
                       seconds(took) + ", cut " + std::to_string(cut.size());
    for (const cut_session& c : cut) {
        text += "\ncut " + c.peer.short_string() + " after " + seconds(c.age) + ": ";
        if (c.blocks_loop)
            text += "its handler never suspends";
        else
            text += std::string{"it waits for "} + hawser::to_string(c.waiting_for);
        if (c.abandoned)
            text += "; abandoned";
    }
    return text;
}

log_observer::log_observer(sink write) : write_{std::move(write)}
{
    if (!write_)
        write_ = [](std::string_view line) {
            std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
        };
}

void log_observer::line(std::string_view reason, const std::string& text) noexcept
{
    try {
        const time_point now = coarse_clock().now();
        const std::lock_guard lock{mutex_};
        auto gate =
            std::find_if(gates_.begin(), gates_.end(), [&](const reason_gate& g) { return g.reason == reason; });
        if (gate == gates_.end())
            gate = gates_.insert(gates_.end(), reason_gate{std::string{reason}, time_point{}, 0});
        if (now < gate->next) {
            ++gate->left_out;
            return;
        }
        std::string full = printable(text);
        if (gate->left_out != 0)
            full += " (and " + std::to_string(gate->left_out) + " more before it)";
        gate->next = after(now, one_line_each);
        gate->left_out = 0;
        write_(full);
    } catch (...) { // a log that cannot be written must not end a session
    }
}

void log_observer::session_ended(const session_end& end) noexcept
{
    if (end.reason == end_reason::completed) {
        completed_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    try {
        const std::string name = end.error ? symbol(end.error) : std::string{to_string(end.reason)};
        std::string text = end.peer.short_string() + ": " + to_string(end.reason);
        if (end.error)
            text += ": " + name;
        if (!end.what.empty())
            text += ": " + end.what;
        text += " (age " + seconds(end.age) + ", " + std::to_string(end.statistics.bytes_in) + " bytes in, " +
                std::to_string(end.statistics.bytes_out) + " out)";
        line(name, text);
    } catch (...) {
    }
}

void log_observer::datagram_failed(const session_end& end) noexcept
{
    session_ended(end);
}

void log_observer::accept_paused(const endpoint& listener, const error_code& e) noexcept
{
    try {
        line("accept " + symbol(e), listener.to_string() + ": accepting pauses: " + symbol(e));
    } catch (...) {
    }
}

void log_observer::listener_failed(const endpoint& listener, const error_code& e) noexcept
{
    try {
        line("listener",
             listener.to_string() + ": listener failed and is closed: " + symbol(e) + " (" + e.message() + ')');
    } catch (...) {
    }
}

void log_observer::listeners_lost() noexcept
{
    line("listeners", "every listener has failed: nobody can connect any more");
}

void log_observer::ipv6_left_out(const endpoint& listener) noexcept
{
    try {
        line("IPv6", listener.to_string() + ": this host has no IPv6 address: clients can use IPv4 alone");
    } catch (...) {
    }
}

void log_observer::loop_blocked(const endpoint& peer, duration held) noexcept
{
    try {
        line("blocked", peer.short_string() + ": its handler has kept its loop for " + seconds(held));
    } catch (...) {
    }
}

void log_observer::exception_escaped(std::string_view what) noexcept
{
    try {
        line("escaped", "an exception escaped to a loop, which goes on: " + std::string{what});
    } catch (...) {
    }
}

void log_observer::tls_reloaded(std::size_t listeners) noexcept
{
    try {
        line("reload", "certificates loaded anew for " + std::to_string(listeners) +
                           (listeners == 1 ? " listener" : " listeners"));
    } catch (...) {
    }
}

void log_observer::tls_reload_failed(const tls_error& e) noexcept
{
    try {
        line("reload " + symbol(e.code()), std::string{"certificates not loaded anew, the old ones stay: "} + e.what());
    } catch (...) {
    }
}

void log_observer::drain_started(std::string_view cause, std::size_t connections) noexcept
{
    try {
        const std::lock_guard lock{mutex_};
        const bool by_signal = cause.starts_with("SIG");
        write_((by_signal ? "caught " + std::string{cause} + ", " : std::string{}) + "draining " +
               std::to_string(connections) + " connections");
    } catch (...) {
    }
}

void log_observer::drain_ended(const drain_report& report) noexcept
{
    try {
        const std::string text = report.to_string();
        const std::lock_guard lock{mutex_};
        for (std::size_t begin = 0; begin <= text.size();) {
            const std::size_t end = std::min(text.find('\n', begin), text.size());
            write_(std::string_view{text}.substr(begin, end - begin));
            begin = end + 1;
        }
    } catch (...) {
    }
}

} // namespace hawser::inline v0_1
