// SPDX-License-Identifier: BSL-1.0
#include <hawser/admin.hpp>

#include "admin/answers.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>

namespace hawser::inline v0_1 {
namespace {

constexpr duration longest_answer_at_end = 1s;
constexpr std::size_t connections_at_once = 32;

std::string user_name()
{
    const uid_t id = ::geteuid();
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> room{};
    return ::getpwuid_r(id, &entry, room.data(), room.size(), &found) == 0 && found != nullptr
               ? std::string{entry.pw_name}
               : std::to_string(id);
}

// What befalls the admin's own listeners is told where the server's events are; who asks is not.
class listener_events : public observer
{
public:
    explicit listener_events(std::shared_ptr<detail::server_core> of) : of_{std::move(of)} {}

    void accept_paused(const endpoint& where, const error_code& why) noexcept override
    {
        of_->observer().accept_paused(where, why);
    }
    void listener_failed(const endpoint& where, const error_code& why) noexcept override
    {
        of_->observer().listener_failed(where, why);
    }

private:
    std::shared_ptr<detail::server_core> of_;
};

} // namespace

class admin::impl
{
public:
    impl(hawser::server& s, const endpoint& where)
        : about_{.served = detail::server_access::get(s).shared(),
                 .process = {::getpid(), user_name()},
                 .may_drain = where.scheme() == endpoint::scheme_type::unix_socket},
          runtime_{{.loops = 1, .blocked_after = never}}, server_{runtime_,
                                                                  {.limits = {.connections = connections_at_once},
                                                                   .timeouts = {.drain = longest_answer_at_end},
                                                                   .observer = std::make_shared<listener_events>(
                                                                       about_.served)}}
    {
        if (where.scheme() != endpoint::scheme_type::tcp && !about_.may_drain)
            throw endpoint_error{errc::invalid_endpoint,
                                 "expected tcp://HOST:PORT or unix:PATH to look at a server, got " + where.to_string()};
        about_.shown = {about_.served, detail::server_access::get(server_).shared()};
        about_.here = detail::runtime_access::get(runtime_).loops().front();
        listen_options options;
        if (about_.may_drain)
            options.unix_permissions = 0600;
        server_.listen(where, http::serve([this](http::request& request, http::response& response) {
                           return detail::answer(about_, request, response);
                       }),
                       options);
        runtime_.start();
    }

    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;

    ~impl()
    {
        server_.drain();
        server_.wait();
    }

    std::vector<endpoint> endpoints() const { return server_.endpoints(); }

private:
    detail::admin_subject about_; // outlives the requests, which end with the runtime at the latest
    runtime runtime_;
    hawser::server server_;
};

admin::admin(server& s, const endpoint& where) : impl_{std::make_unique<impl>(s, where)} {}

admin::~admin() = default;

std::vector<endpoint> admin::endpoints() const
{
    return impl_->endpoints();
}

} // namespace hawser::inline v0_1
