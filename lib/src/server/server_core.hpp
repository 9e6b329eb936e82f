// SPDX-License-Identifier: BSL-1.0

// The inside of a server: what its listeners and sessions share. Owned by all of them; thread safe.
#ifndef HAWSER_SRC_SERVER_SERVER_CORE_HPP
#define HAWSER_SRC_SERVER_SERVER_CORE_HPP

#include "loop/escaped_exceptions.hpp"
#include "loop/runtime_core.hpp"
#include "server/admission.hpp"
#include "server/drain.hpp"
#include "server/memory_return.hpp"
#include "server/shedding.hpp"

#include <hawser/detail/export.hpp>
#include <hawser/server.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace hawser::detail {

class address;
class any_listener;
class service_manager;
struct service;
class tls_configuration;

class server_core final : public std::enable_shared_from_this<server_core>, public escape_listener
{
public:
    /// Whoever lets go of it last, and on whichever thread: it is destroyed on its control loop, whose wheel may just
    /// be looking at the drain, or at once if that loop has ended.
    static std::shared_ptr<server_core> make(std::shared_ptr<runtime_core> r, server_options options);

    server_core(const server_core&) = delete;
    server_core& operator=(const server_core&) = delete;

    listener_handle listen(const endpoint& where, const session_handler& handler, const listen_options& options);
    /// Starts listeners at `where`, of which the first `shown` are among the endpoints. Throws as
    /// refuse_once_draining() does.
    listener_handle add(const endpoint& where, const std::vector<std::shared_ptr<any_listener>>& made,
                        std::size_t shown, const std::shared_ptr<tls_configuration>& tls = nullptr);
    /// Throws std::logic_error once the drain has begun.
    void refuse_once_draining(const endpoint& where) const;
    std::vector<endpoint> endpoints() const;
    void reload_tls();
    HAWSER_EXPORT_DETAIL std::optional<std::chrono::system_clock::time_point> certificates_expire() const;
    /// Closes and forgets the listeners, which hold this object as long as they are remembered.
    void forget_listeners();
    void exception_escaped(std::string_view what) noexcept override;
    HAWSER_EXPORT_DETAIL server_statistics statistics() const;
    /// Those of the statistics.
    std::size_t connections() const noexcept;
    /// For the drain; both cannot fail.
    void drain_listeners() noexcept;
    void cut_listeners() noexcept;

    runtime_core& runtime() const noexcept { return *runtime_; }
    hawser::observer& watched_by() const noexcept { return *options_.observer; }
    const server_options& options() const noexcept { return options_; }
    admission& doors() noexcept { return doors_; }
    drain& ending() noexcept { return drain_; }
    shedding& making_room() noexcept { return shedding_; }
    memory_return& memory() noexcept { return *memory_; }
    bool begun_draining() const noexcept { return drain_.begun(); }

    /// The loop with the fewest connections; counts one more on it.
    loop& choose_loop() noexcept;

    /// Where those who shake hands with this server on a loop of its runtime wait.
    const std::shared_ptr<handshake_places>& places_on(const loop& on) const noexcept;

    /// A permit is free again, and so is its place on the loop.
    void release(loop& on) noexcept;
    /// The same of one that was taken for nobody.
    void permit_freed() noexcept;

    /// A connection that was accepted will not become a session.
    void refused(const service& by, const address& peer, const error_code& why) noexcept;

    /// Calls every listener on its loop, once a permit is free again.
    void want_permit() noexcept { permit_wanted_.store(true); }

    /// Whoever is told how the server does; null: nobody.
    void supervised_by(std::shared_ptr<service_manager> manager);
    std::shared_ptr<service_manager> supervisor() const;

    /// A listener has closed for good.
    void listener_closed() noexcept;

    /// A listener cannot go on, and will close. When it is the last one, the observer is told that too, and the drain
    /// begins if it is to.
    void listener_failed(const endpoint& where, const error_code& why) noexcept;

    /// Every listener has failed. From any thread.
    bool lost() const noexcept { return lost_.load() && working_listeners_.load() == 0; }

    /// Begins the drain once every listener has failed, or now.
    void drain_when_lost();

    HAWSER_EXPORT_DETAIL std::vector<std::shared_ptr<any_listener>> listeners() const;

    struct counters {
        std::atomic<std::uint64_t> accepted{0}, completed{0}, shed{0}, failed{0}, refused{0}, accept_errors{0};
        std::atomic<std::uint64_t> datagrams_in{0}, datagrams_out{0}, datagrams_dropped{0}, datagrams_failed{0};
        std::atomic<std::size_t> datagrams_drained{0};
    } counts;

private:
    // Asked for by the last that holds it.
    class destruction final : public call
    {
    public:
        explicit destruction(server_core& s) noexcept : of_{s} {}

    private:
        void called() override { delete &of_; }
        void dropped() noexcept override { delete &of_; }
        server_core& of_;
    };

    server_core(std::shared_ptr<runtime_core> r, server_options options);
    ~server_core();
    std::vector<std::shared_ptr<tls_configuration>> configurations() const;

    std::shared_ptr<runtime_core> runtime_;
    const server_options options_;
    admission doors_;
    drain drain_;
    shedding shedding_;
    const std::vector<std::shared_ptr<handshake_places>> places_; // one for each loop
    std::shared_ptr<memory_return> memory_;                       // which the control loop's wheel may know

    mutable std::mutex mutex_;
    std::mutex reloading_; // one at a time; taken before mutex_
    std::vector<std::shared_ptr<any_listener>> listeners_;
    std::vector<endpoint> endpoints_;
    std::vector<std::shared_ptr<tls_configuration>> tls_; // of the listeners over TLS, those that have closed too
    std::shared_ptr<service_manager> supervisor_;
    std::atomic<std::size_t> open_listeners_{0};
    std::atomic<std::size_t> working_listeners_{0}; // that have not failed
    std::atomic<bool> lost_{false};                 // the last of them failed before a drain
    std::atomic<bool> drain_when_lost_{false};
    std::atomic<bool> permit_wanted_{false};
    destruction destruction_{*this};

    friend class drain;
};

} // namespace hawser::detail

#endif
