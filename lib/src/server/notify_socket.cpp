// SPDX-License-Identifier: BSL-1.0
#include "server/notify_socket.hpp"

#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace hawser::inline v0_1::detail {
namespace {

constexpr timeval patience{.tv_sec = 0, .tv_usec = 50'000};

std::string_view variable(const char* name)
{
    const char* const text = std::getenv(name);
    return text != nullptr ? text : "";
}

std::optional<std::int64_t> number(std::string_view digits)
{
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
        return std::nullopt;
    return value;
}

} // namespace

std::optional<notify_socket> notify_socket::from_environment()
{
    const std::string_view path = variable("NOTIFY_SOCKET");
    sockaddr_un at{};
    if ((!path.starts_with('/') && !path.starts_with('@')) || path.size() < 2 || path.size() >= sizeof at.sun_path)
        return std::nullopt;
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, path.size());
    if (path.front() == '@')
        at.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    notify_socket made;
    made.fd_ = descriptor{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!made.fd_ || ::connect(made.fd_.get(), reinterpret_cast<const sockaddr*>(&at), size) != 0)
        return std::nullopt;
    ::setsockopt(made.fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return made;
}

void notify_socket::say(std::string_view lines) const noexcept
{
    ::send(fd_.get(), lines.data(), lines.size(), MSG_NOSIGNAL);
}

std::optional<duration> watchdog_time()
{
    constexpr std::int64_t most = std::numeric_limits<duration::rep>::max() / 1000;
    const auto wait = number(variable("WATCHDOG_USEC"));
    const auto pid = number(variable("WATCHDOG_PID"));
    if (!wait || *wait <= 0 || *wait > most || (pid && *pid != ::getpid()))
        return std::nullopt;
    return std::chrono::microseconds{*wait};
}

} // namespace hawser::inline v0_1::detail
