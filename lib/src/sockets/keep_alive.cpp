// SPDX-License-Identifier: BSL-1.0
#include "sockets/keep_alive.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace hawser::inline v0_1::detail {
namespace {

using namespace std::chrono_literals;

// What the kernel takes: MAX_TCP_KEEPIDLE and MAX_TCP_KEEPCNT of its net/tcp.h, and a number of ms in an int.
constexpr duration longest_keep_alive = 32767s;
constexpr int most_probes = 127;
constexpr duration longest_user_timeout = 2147483647ms;

constexpr int probes_in_keep_alive = 4; // they come as often as would fill it with so many

void require_range(bool holds, const char* of, const char* field, const std::string& value, const char* expected)
{
    if (!holds)
        throw std::invalid_argument{std::string{of} + field + ": expected " + expected + ", got " + value};
}

std::string in_ns(duration d)
{
    return std::to_string(d.count()) + " ns";
}

template <class Unit>
int whole(duration d) noexcept
{
    return static_cast<int>(std::chrono::duration_cast<Unit>(d).count());
}

void set_number(int fd, int level, int name, int value) noexcept
{
    ::setsockopt(fd, level, name, &value, sizeof value); // a TCP socket takes each of these
}

} // namespace

void validate(const char* of, const keep_alive_options& o)
{
    require_range(o.keep_alive == never || (o.keep_alive >= 1s && o.keep_alive <= longest_keep_alive), of, "keep_alive",
                  in_ns(o.keep_alive), "1 s to 32767 s, or never");
    require_range(o.keep_alive_probes >= 1 && o.keep_alive_probes <= most_probes, of, "keep_alive_probes",
                  std::to_string(o.keep_alive_probes), "1 to 127");
    require_range(o.user_timeout == never || (o.user_timeout >= 1ms && o.user_timeout <= longest_user_timeout), of,
                  "user_timeout", in_ns(o.user_timeout), "1 ms to 2147483647 ms, or never");
}

void set_keep_alive(int descriptor, const keep_alive_options& o) noexcept
{
    if (o.keep_alive != never) {
        const int seconds = whole<std::chrono::seconds>(o.keep_alive);
        set_number(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_number(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
        set_number(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / probes_in_keep_alive));
        set_number(descriptor, IPPROTO_TCP, TCP_KEEPCNT, o.keep_alive_probes);
    }
    if (o.user_timeout != never)
        set_number(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, whole<std::chrono::milliseconds>(o.user_timeout));
}

} // namespace hawser::inline v0_1::detail
