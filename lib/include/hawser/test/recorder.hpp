// SPDX-License-Identifier: BSL-1.0

// What a server tells its observer, written down for a test to read.
#ifndef HAWSER_TEST_RECORDER_HPP
#define HAWSER_TEST_RECORDER_HPP

#include <hawser/observer.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace hawser::inline v0_1::test {

/// Writes down what a server tells, in the order in which it tells it. For a runtime of one loop that poll() runs: it
/// has no lock.
class recorder final : public observer
{
public:
    void session_ended(const session_end& e) noexcept override { ends.push_back(e); }
    void loop_blocked(const endpoint&, duration) noexcept override { ++blocked; }
    void datagram_failed(const session_end& e) noexcept override { failed_datagrams.push_back(e); }
    void drain_started(std::string_view cause, std::size_t n) noexcept override
    {
        drains.push_back(std::string{cause} + ' ' + std::to_string(n));
    }
    void drain_ended(const drain_report& r) noexcept override { reports.push_back(r); }
    void tls_reloaded(std::size_t n) noexcept override { reloads.push_back(std::to_string(n)); }
    void tls_reload_failed(const tls_error& e) noexcept override { reloads.push_back(symbol(e.code())); }

    std::vector<session_end> ends;             ///< of sessions
    std::vector<session_end> failed_datagrams; ///< whose handlers threw, or were cut
    std::vector<std::string> drains;           ///< each with its cause and the connections that were open: "drain 2"
    std::vector<drain_report> reports;         ///< of the drains that have ended
    std::vector<std::string> reloads;          ///< how many configurations were loaded, or the symbol of what failed
    int blocked = 0;                           ///< handlers that kept their loop
};

} // namespace hawser::inline v0_1::test

#endif
