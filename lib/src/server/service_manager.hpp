// SPDX-License-Identifier: BSL-1.0

// What the service manager that has started this process, systemd for one, is told of a server (sd_notify(3)):
//
//     READY=1       every loop runs, and every listener accepts
//     WATCHDOG=1    every loop has answered, twice in the time that the manager waits for it
//     RELOADING=1   the certificates are loaded anew; READY=1 when that has ended
//     STOPPING=1    the drain begins
//
// The loops are asked from the control loop: one that a handler keeps does not answer, and nothing is said until it
// does.
#ifndef HAWSER_SRC_SERVER_SERVICE_MANAGER_HPP
#define HAWSER_SRC_SERVER_SERVICE_MANAGER_HPP

#include "loop/calls.hpp"
#include "loop/runtime_core.hpp"
#include "loop/wheel.hpp"
#include "server/notify_socket.hpp"

#include <hawser/endpoint.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace hawser::inline v0_1::detail {

class service_manager final : public std::enable_shared_from_this<service_manager>,
                              private wheel::entry,
                              private owned_call
{
public:
    service_manager(notify_socket socket, runtime_core& r, const std::vector<endpoint>& listening);

    // From the control loop.
    void begin();
    void end() noexcept;
    void stopping(std::size_t connections);

    // From any thread.
    void reloading() const;
    void reloaded() const;

private:
    // Whether a loop turns: it is asked to call this.
    class question final : public owned_call
    {
    public:
        explicit question(service_manager& of) noexcept : of_{of} {}

    private:
        void called() override { of_.one_answered(); }
        service_manager& of_;
    };

    void ask_loops() noexcept;
    void one_answered() noexcept;
    void called() override;
    time_point on_due(time_point now) override;

    const notify_socket socket_;
    runtime_core& runtime_;
    const std::string ready_;
    const std::optional<duration> watchdog_;
    std::deque<question> questions_;       // one for each loop
    std::atomic<std::size_t> missing_ = 0; // loops that have not answered yet
    std::atomic<bool> said_ready_{false};
    bool stopping_ = false;
    bool ended_ = false;
};

} // namespace hawser::inline v0_1::detail

#endif
