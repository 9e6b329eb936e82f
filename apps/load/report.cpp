// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

namespace load {
namespace {

namespace json = boost::json;

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
    const auto& errors = r.counts.errors;
    json::object found{{"endpoint", o.endpoint}, {"mode", name_of(o.mode)}, {"connections", o.connections}};
    if (o.rate != 0) {
        found["rate"] = o.rate;
        found["due"] = r.due;
    }
    found["pipeline"] = o.pipeline;
    found["size"] = o.size;
    found["messages"] = r.measured;
    found["messages_in_all"] = r.counts.answered;
    found["bytes_sent_in_all"] = r.counts.bytes_sent;
    found["bytes_received_in_all"] = r.counts.bytes_received;
    found["seconds"] = seconds(r.elapsed);
    if (o.rate != 0)
        found["seconds_to_last_answer"] = seconds(r.answering);
    found["messages_per_second"] = rate(r);
    json::object latency;
    for (const auto& [name, share] : percentiles)
        latency[name] = microseconds(r.counts.latency.percentile(share));
    latency["max"] = microseconds(r.counts.latency.largest());
    found["latency_us"] = std::move(latency);
    found["own_cpu_share"] = own_share(r);
    if (r.server_cpu) {
        found["server_cpu_seconds"] = seconds(*r.server_cpu);
        found["server_cpu_us_per_message"] = per_message(*r.server_cpu, r) / 1e3;
    }
    if (r.signal) {
        found["outstanding_at_signal"] = r.signal->outstanding;
        found["answered_after_signal"] = r.counts.answered - r.signal->answered;
        found["windows_filled_before_signal"] = r.signal->attempts;
        found["seconds_to_last_end"] = seconds(r.end - r.signal->time);
    }
    if (o.until_end) {
        found["ended"] = r.counts.ended;
        found["lost"] = errors.of("lost");
        found["torn"] = errors.of("torn");
        found["resets"] = errors.of("reset");
        found["late"] = r.counts.late;
    }
    json::object kinds;
    for (const auto& [kind, entry] : errors.entries())
        kinds[kind] = json::object{{"count", entry.count}, {"first", entry.first}};
    found["errors"] = std::move(kinds);
    return json::serialize(found) + '\n';
}

} // namespace load
