// SPDX-License-Identifier: BSL-1.0

// What a scan of ports has found, as text for a person or as JSON for a program.
#ifndef HAWSER_APPS_PORT_SCAN_REPORT_HPP
#define HAWSER_APPS_PORT_SCAN_REPORT_HPP

#include "port_scan/scan.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace app {

struct scan_report {
    std::string host; ///< as it was given
    std::string address;
    hawser::duration timeout{};
    std::vector<port_result> results;
    std::chrono::duration<double> took{};
};

/// Every open port with the name of its service, and of each other state up to 20 ports; of more their number:
///
///        22  open                            ssh
///        80  closed (ECONNREFUSED)           http
///     64321 ports closed (ECONNREFUSED)
///     1 open, 64322 closed in 6.5 s
void print_text(const scan_report& report);

/// An object with every port.
void print_json(const scan_report& report);

} // namespace app

#endif
