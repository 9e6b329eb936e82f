// SPDX-License-Identifier: BSL-1.0

// The inside of a server: the ledger that its listeners and sessions share, and above it what they need not know: the
// listeners themselves, their certificates, the drain and shedding. Shared by sessions and listeners; thread safe.
#ifndef HAWSER_SRC_SERVER_SERVER_CORE_HPP
#define HAWSER_SRC_SERVER_SERVER_CORE_HPP

#include "loop/escaped_exceptions.hpp"
#include "server/drain.hpp"
#include "server/ledger.hpp"
#include "server/shedding.hpp"

#include <hawser/detail/export.hpp>
#include <hawser/server.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace hawser::inline v0_1::detail {

class any_listener;
class service_manager;
class tls_configuration;

class server_core final : public ledger, public escape_listener, private drained_server
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

    std::shared_ptr<server_core> shared() { return std::static_pointer_cast<server_core>(shared_from_this()); }
    detail::drain& drain() noexcept { return drain_; }
    room_maker* room() noexcept override { return shedding_ ? &*shedding_ : nullptr; }
    /// Only with limits::shed.
    detail::shedding& shedding() noexcept { return *shedding_; }

    /// Whoever is told how the server does; null: nobody.
    void supervised_by(std::shared_ptr<service_manager> manager);
    std::shared_ptr<service_manager> supervisor() const;

    void listener_closed() noexcept override;
    /// When it is the last one, the observer is told that too, and the drain begins if it is to.
    void listener_failed(const endpoint& where, const error_code& why) noexcept override;

    /// Every listener has failed. From any thread.
    bool lost() const noexcept { return lost_.load() && working_listeners_.load() == 0; }

    /// Begins the drain once every listener has failed, or now.
    void drain_when_lost();

    HAWSER_EXPORT_DETAIL std::vector<std::shared_ptr<any_listener>> listeners() const;

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
    ~server_core() override = default;
    std::vector<std::shared_ptr<tls_configuration>> configurations() const;

    // Of the ledger
    void resume_listeners() noexcept override;
    void something_ended() noexcept override { drain_.something_ended(); }

    // Of the drain
    void drain_listeners() noexcept override;
    void cut_listeners() noexcept override;
    std::size_t open_listeners() const noexcept override { return open_listeners_.load(); }
    void drain_started(const char* cause, std::size_t connections) override;

    detail::drain drain_;
    std::optional<detail::shedding> shedding_;

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
    destruction destruction_{*this};
};

/// The inside of a server, for Hawser's own parts.
struct server_access {
    static server_core& get(const server& s) noexcept { return *s.core_; }
};

} // namespace hawser::inline v0_1::detail

#endif
