// SPDX-License-Identifier: BSL-1.0

// run(): a server until it has drained, the signals that drain and cut it, and what a service manager is told.
#include <hawser/server.hpp>

#include "server/server_core.hpp"
#include "server/service_manager.hpp"

#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdlib>
#include <future>

namespace hawser::inline v0_1 {
namespace {

// The first SIGINT or SIGTERM drains, the second cuts.
struct signal_listener {
    boost::asio::signal_set& signals;
    detail::server_core& of;
    detail::operation_place& place; // so that to wait for the next one cannot fail
    bool begun = false;

    using allocator_type = detail::place_allocator<void>;
    allocator_type get_allocator() const noexcept { return allocator_type{place}; }
    void operator()(const error_code& e, int number) const
    {
        if (e)
            return;
        if (begun)
            of.drain().cut_now();
        else
            of.drain().begin(number == SIGINT ? "SIGINT" : "SIGTERM");
        signals.async_wait(signal_listener{signals, of, place, true});
    }
};

// What run() has left on the control loop goes, before run() does.
class clearing final : public detail::call
{
public:
    clearing(detail::loop& on, boost::asio::signal_set& s, detail::service_manager* m)
        : on_{on}, signals_{s}, manager_{m}
    {}
    void wait() { done_.get_future().wait(); }

private:
    void called() override
    {
        if (std::exchange(cancelled_, true))
            return done_.set_value();
        if (manager_ != nullptr)
            manager_->end();
        signals_.cancel();
        on_.ask(*this); // behind the end of that wait
    }

    detail::loop& on_;
    boost::asio::signal_set& signals_;
    detail::service_manager* manager_;
    bool cancelled_ = false;
    std::promise<void> done_;
};

} // namespace

int run(runtime& r, server& s)
{
    detail::runtime_core& loops = detail::runtime_access::get(r);
    detail::server_core& core = detail::server_access::get(s);
    loops.refuse_if_wrapped("run");
    boost::asio::signal_set signals{loops.control().context(), SIGINT, SIGTERM};
    signals.async_wait(signal_listener{signals, core, loops.place_of_signals()});
    std::shared_ptr<detail::service_manager> manager;
    if (auto socket = detail::notify_socket::from_environment()) {
        manager = std::make_shared<detail::service_manager>(std::move(*socket), loops, s.endpoints());
        core.supervised_by(manager);
        loops.control().post([manager] { manager->begin(); });
    }
    core.drain_when_lost();
    r.start();
    const detail::signals_left_to_loops from_here;
    const drain_report report = s.wait();
    for (const cut_session& c : report.cut)
        if (c.blocks_loop)
            std::_Exit(1); // nothing can end a handler that never suspends, and exit() would wait for it
    clearing last{loops.control(), signals, manager.get()};
    loops.control().ask(last);
    last.wait();
    core.supervised_by(nullptr);
    return report.clean() && !core.lost() ? 0 : 1;
}

} // namespace hawser::inline v0_1
