// SPDX-License-Identifier: BSL-1.0

// The counts of a server as Prometheus reads them.
#ifndef HAWSER_SRC_ADMIN_METRICS_HPP
#define HAWSER_SRC_ADMIN_METRICS_HPP

#include <string>

namespace hawser::inline v0_1::detail {

class server_core;

/// The text format, version 0.0.4: names begin with hawser_, units are bytes and seconds, counters end in _total.
std::string to_metrics(const server_core& server);

/// Its media type.
inline constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

} // namespace hawser::inline v0_1::detail

#endif
