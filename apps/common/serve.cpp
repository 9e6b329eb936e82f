// SPDX-License-Identifier: BSL-1.0
#include "common/serve.hpp"

#include "common/log.hpp"

#include <hawser/admin.hpp>

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <optional>
#include <string>
#include <thread>

namespace app {
namespace {

// Takes SIGHUP from a thread of its own, so that no loop waits for files. The kernel keeps at most one SIGHUP beside
// the one that is being followed: any number of them at once is two reloads.
class reload_on_hangup
{
public:
    explicit reload_on_hangup(hawser::server& server) : server_{server}, thread_{[this] { follow(); }} {}
    reload_on_hangup(const reload_on_hangup&) = delete;
    reload_on_hangup& operator=(const reload_on_hangup&) = delete;
    ~reload_on_hangup()
    {
        ended_.store(true);
        ::pthread_kill(thread_.native_handle(), SIGHUP);
        thread_.join();
    }

private:
    void follow()
    {
        sigset_t hangup;
        ::sigemptyset(&hangup);
        ::sigaddset(&hangup, SIGHUP);
        for (int number = 0; ::sigwait(&hangup, &number) == 0 && !ended_.load();)
            reload();
    }

    // The observer logs how it went; what is not about the files is logged here.
    void reload()
    {
        try {
            server_.reload_tls();
        } catch (const hawser::tls_error&) {
        } catch (const std::exception& error) {
            log(std::string{"certificates not loaded anew, the old ones stay: "} + error.what());
        }
    }

    hawser::server& server_;
    std::atomic<bool> ended_{false};
    std::thread thread_;
};

hawser::awaitable<void> announce(const hawser::server& server, const std::optional<hawser::admin>& admin)
{
    start_log();
    for (const hawser::endpoint& where : server.endpoints())
        std::cout << "listening on " + where.to_string() + '\n';
    if (admin)
        for (const hawser::endpoint& where : admin->endpoints()) {
            std::cout << "listening on " + where.to_string() + '\n';
            log("admin on " + where.to_string());
        }
    std::cout << std::flush;
    co_return;
}

} // namespace

int serve(hawser::runtime& runtime, hawser::server& server, const server_options& options)
{
    std::optional<hawser::admin> admin;
    if (options.admin())
        admin.emplace(server, *options.admin());
    std::optional<reload_on_hangup> reload;
    if (server.certificates_expire())
        reload.emplace(server);
    runtime.spawn(announce(server, admin), [](std::exception_ptr) {});
    return hawser::run(runtime, server);
}

} // namespace app
