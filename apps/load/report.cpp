// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

namespace load {

namespace {

constexpr std::array<std::pair<const char*, double>, 6> percentiles{
    {{"p50", 0.5}, {"p75", 0.75}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}}};
constexpr double busy = 0.9; // of a processor: from there on the load may be what is measured

template <class... Values>
void append(std::string& text, const char* format, Values... values)
{
    std::array<char, 256> line;
    std::snprintf(line.data(), line.size(), format, values...);
    text += line.data();
}

double microseconds(std::uint64_t nanoseconds)
{
    return static_cast<double>(nanoseconds) / 1e3;
}

double seconds(std::int64_t nanoseconds)
{
    return static_cast<double>(nanoseconds) / 1e9;
}

double per_message(std::int64_t nanoseconds, const report& r)
{
    return r.measured == 0 ? 0.0 : static_cast<double>(nanoseconds) / static_cast<double>(r.measured);
}

double own_share(const report& r)
{
    return r.clocked == 0 ? 0.0 : static_cast<double>(r.own_cpu) / static_cast<double>(r.clocked);
}

double rate(const report& r)
{
    return r.answering == 0 ? 0.0 : static_cast<double>(r.measured) / seconds(r.answering);
}

std::string_view name_of(mode m)
{
    switch (m) {
    case mode::bytes: return "bytes";
    case mode::frames: return "frames";
    case mode::http: return "http";
    }
    return "";
}

std::string quoted(std::string_view text)
{
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            result += '\\';
        result += c;
    }
    return result + '"';
}

} // namespace

bool report::clean(const options& o) const noexcept
{
    return counts.errors.total() == 0 && (!o.until_end || counts.ended == o.connections);
}

std::string as_text(const options& o, const report& r)
{
    std::string text;
    const auto& errors = r.counts.errors;
    append(text, "%llu messages in %.3f s, %.0f a second; %u connections, %u in flight on each, %zu bytes\n",
           static_cast<unsigned long long>(r.measured), seconds(r.answering), rate(r), o.connections, o.pipeline,
           o.size);
    text += "latency in us:";
    for (const auto& [name, share] : percentiles)
        append(text, "  %s %.1f", name, microseconds(r.counts.latency.percentile(share)));
    append(text, "  max %.1f\n", microseconds(r.counts.latency.largest()));
    if (o.rate != 0)
        append(text, "%llu were due in %.3f s, at %llu a second; a latency counts from then\n",
               static_cast<unsigned long long>(r.due), seconds(r.elapsed), static_cast<unsigned long long>(o.rate));
    append(text, "the load itself used %.0f%% of a processor%s\n", 100 * own_share(r),
           own_share(r) >= busy ? ": it may be what was measured" : "");
    if (r.server_cpu)
        append(text, "CPU of process %d: %.3f us a message\n", static_cast<int>(o.cpu_of),
               per_message(*r.server_cpu, r) / 1e3);
    if (r.signal)
        append(text,
               "SIGTERM with %llu messages outstanding; %llu answered after it, last connection ended %.3f s later\n",
               static_cast<unsigned long long>(r.signal->outstanding),
               static_cast<unsigned long long>(r.counts.answered - r.signal->answered),
               seconds(r.end - r.signal->time));
    if (o.until_end)
        append(text, "%llu of %u connections ended; lost %llu, torn %llu, resets %llu, too late to be answered %llu\n",
               static_cast<unsigned long long>(r.counts.ended), o.connections,
               static_cast<unsigned long long>(errors.of("lost")), static_cast<unsigned long long>(errors.of("torn")),
               static_cast<unsigned long long>(errors.of("reset")), static_cast<unsigned long long>(r.counts.late));
    if (errors.total() != 0)
        append(text, "%llu errors; the first of each kind:\n", static_cast<unsigned long long>(errors.total()));
    for (const auto& [kind, entry] : errors.entries()) {
        append(text, "%10llu  %s: ", static_cast<unsigned long long>(entry.count), kind.c_str());
        text += entry.first + '\n';
    }
    return text;
}

std::string as_json(const options& o, const report& r)
{
    std::string json = "{\"endpoint\": " + quoted(o.endpoint);
    const auto& errors = r.counts.errors;
    const auto number = [&json](const char* name, auto value) {
        if constexpr (std::is_floating_point_v<decltype(value)>)
            append(json, ", \"%s\": %.6f", name, value);
        else
            json += std::string{", \""} + name + "\": " + std::to_string(value);
    };

    json += ", \"mode\": " + quoted(name_of(o.mode));
    number("connections", o.connections);
    if (o.rate != 0) {
        number("rate", o.rate);
        number("due", r.due);
    }
    number("pipeline", o.pipeline);
    number("size", o.size);
    number("messages", r.measured);
    number("messages_in_all", r.counts.answered);
    number("bytes_sent_in_all", r.counts.bytes_sent);
    number("bytes_received_in_all", r.counts.bytes_received);
    number("seconds", seconds(r.elapsed));
    if (o.rate != 0)
        number("seconds_to_last_answer", seconds(r.answering));
    number("messages_per_second", rate(r));
    json += ", \"latency_us\": {";
    for (const auto& [name, share] : percentiles)
        append(json, "\"%s\": %.3f, ", name, microseconds(r.counts.latency.percentile(share)));
    append(json, "\"max\": %.3f}", microseconds(r.counts.latency.largest()));
    number("own_cpu_share", own_share(r));
    if (r.server_cpu) {
        number("server_cpu_seconds", seconds(*r.server_cpu));
        number("server_cpu_us_per_message", per_message(*r.server_cpu, r) / 1e3);
    }
    if (r.signal) {
        number("outstanding_at_signal", r.signal->outstanding);
        number("answered_after_signal", r.counts.answered - r.signal->answered);
        number("windows_filled_before_signal", r.signal->attempts);
        number("seconds_to_last_end", seconds(r.end - r.signal->time));
    }
    if (o.until_end) {
        number("ended", r.counts.ended);
        number("lost", errors.of("lost"));
        number("torn", errors.of("torn"));
        number("resets", errors.of("reset"));
        number("late", r.counts.late);
    }
    json += ", \"errors\": {";
    for (const char* before = ""; const auto& [kind, entry] : errors.entries()) {
        json += before + quoted(kind) + ": {\"count\": " + std::to_string(entry.count) +
                ", \"first\": " + quoted(entry.first) + '}';
        before = ", ";
    }
    return json + "}}\n";
}

} // namespace load
