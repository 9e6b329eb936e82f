// SPDX-License-Identifier: BSL-1.0
#include "admin/metrics.hpp"

#include "server/server_core.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <utility>
#include <vector>

namespace hawser::inline v0_1::detail {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class families
{
public:
    template <class Number>
    void counter(const char* name, const char* help, Number value)
    {
        ClientMetric m;
        m.counter.value = static_cast<double>(value);
        add(name, help, MetricType::Counter, {std::move(m)});
    }

    template <class Number>
    void gauge(const char* name, const char* help, Number value)
    {
        ClientMetric m;
        m.gauge.value = static_cast<double>(value);
        add(name, help, MetricType::Gauge, {std::move(m)});
    }

    void add(const char* name, const char* help, MetricType type, std::vector<ClientMetric> values)
    {
        all_.push_back({name, help, type, std::move(values)});
    }

    std::string text() const { return prometheus::TextSerializer{}.Serialize(all_); }

private:
    std::vector<MetricFamily> all_;
};

std::vector<ClientMetric> connections_by_loop(const runtime_core& runtime)
{
    std::vector<ClientMetric> each;
    for (const auto& l : runtime.loops()) {
        ClientMetric m;
        m.label = {{"loop", std::to_string(each.size())}};
        m.gauge.value = static_cast<double>(l->assigned.load(std::memory_order_relaxed));
        each.push_back(std::move(m));
    }
    return each;
}

} // namespace

std::string to_metrics(const server_core& server)
{
    const server_statistics s = server.statistics();
    families f;
    f.gauge("hawser_connections", "Connections that are open.", s.connections);
    f.gauge("hawser_connections_limit", "Connections that may be open at once.", *server.options().limits.connections);
    f.counter("hawser_connections_accepted_total", "Connections that were accepted.", s.accepted);
    f.counter("hawser_connections_refused_total", "Connections over a limit, or without resources, that were refused.",
              s.refused);
    f.counter("hawser_accept_errors_total", "Times that accepting paused for want of descriptors or memory.",
              s.accept_errors);
    f.counter("hawser_sessions_completed_total", "Sessions whose handler returned.", s.completed);
    f.counter("hawser_sessions_shed_total", "Of these: ended to make room for others.", s.shed);
    f.counter("hawser_sessions_failed_total", "Sessions that ended in any other way.", s.failed);
    f.counter("hawser_received_bytes_total", "Bytes received by every connection of the runtime.", s.carried.bytes_in);
    f.counter("hawser_sent_bytes_total", "Bytes that every connection of the runtime gave to the kernel.",
              s.carried.bytes_out);
    f.counter("hawser_received_frames_total", "Frames received by every connection of the runtime.",
              s.carried.frames_in);
    f.counter("hawser_sent_frames_total", "Frames sent by every connection of the runtime.", s.carried.frames_out);
    f.gauge("hawser_datagram_handlers", "Handlers of datagrams that run.", s.datagram_handlers);
    f.counter("hawser_datagrams_received_total", "Datagrams that were given to a handler.", s.datagrams_in);
    f.counter("hawser_datagrams_sent_total", "Datagrams that handlers have answered with.", s.datagrams_out);
    f.counter("hawser_datagrams_dropped_total",
              "Datagrams over their sender's rate, longer than the limit, or more than the kernel had room for.",
              s.datagrams_dropped);
    f.counter("hawser_datagrams_failed_total", "Datagrams whose handler threw, or was cut.", s.datagrams_failed);
    f.gauge("hawser_draining", "1 once the drain has begun, else 0.", server.begun_draining() ? 1 : 0);
    f.gauge("hawser_loops", "Loops, each with a thread of its own.", server.runtime().loops().size());
    f.add("hawser_loop_connections", "Connections on each loop, of every server of the runtime.", MetricType::Gauge,
          connections_by_loop(server.runtime()));
    if (const auto expires = server.certificates_expire())
        f.gauge("hawser_certificate_expiry_timestamp_seconds",
                "When the first of the listeners' certificates expires, in seconds since 1970.",
                std::chrono::duration_cast<std::chrono::seconds>(expires->time_since_epoch()).count());
    return f.text();
}

} // namespace hawser::inline v0_1::detail
