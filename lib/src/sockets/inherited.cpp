// SPDX-License-Identifier: BSL-1.0
#include "sockets/inherited.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::inline v0_1::detail {
namespace {

constexpr int first_passed = 3; // SD_LISTEN_FDS_START

[[noreturn]] void refuse(const std::string& which, const std::string& why)
{
    throw endpoint_error{errc::invalid_endpoint, which + ": " + why};
}

int option(int fd, int name) noexcept
{
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(fd, SOL_SOCKET, name, &value, &size);
    return value;
}

bool is_connected(int fd) noexcept
{
    socket_address peer{};
    socklen_t size = sizeof peer;
    return ::getpeername(fd, &peer.any, &size) == 0;
}

// Whether connecting to it, or sending to it, can be meant.
bool is_bound(int fd) noexcept
{
    socket_address at{};
    socklen_t size = sizeof at;
    if (::getsockname(fd, &at.any, &size) != 0)
        return false;
    if (at.any.sa_family == AF_UNIX)
        return size > offsetof(sockaddr_un, sun_path);
    return (at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port) != 0;
}

std::string kind_of(int family, int type)
{
    if (type == SOCK_STREAM && family == AF_UNIX)
        return "a Unix stream socket";
    if (type == SOCK_STREAM && (family == AF_INET || family == AF_INET6))
        return "a TCP socket";
    if (type == SOCK_DGRAM && family == AF_UNIX)
        return "a Unix datagram socket";
    if (type == SOCK_DGRAM && (family == AF_INET || family == AF_INET6))
        return "a UDP socket";
    return "a socket of family " + std::to_string(family) + " and type " + std::to_string(type);
}

// Throws unless the descriptor is a socket of the kind wanted; `which` names it in the error.
void check(int fd, const std::string& which, socket_kind wanted)
{
    const std::string expected =
        which + (wanted == socket_kind::stream ? ": expected a TCP or Unix stream socket that listens, or is bound"
                                               : ": expected a UDP socket that is bound");
    const auto refuse_it = [&](const std::string& got) {
        throw endpoint_error{errc::invalid_endpoint, expected + ", got " + got};
    };
    struct stat status {};
    if (::fstat(fd, &status) != 0)
        refuse_it("no open descriptor");
    if (!S_ISSOCK(status.st_mode))
        refuse_it("what is no socket");
    const int family = option(fd, SO_DOMAIN);
    const int type = option(fd, SO_TYPE);
    const bool is_ip = family == AF_INET || family == AF_INET6;
    const bool fits = wanted == socket_kind::stream ? type == SOCK_STREAM && (is_ip || family == AF_UNIX)
                                                    : type == SOCK_DGRAM && is_ip;
    if (!fits)
        refuse_it(kind_of(family, type));
    if (is_connected(fd))
        refuse_it(kind_of(family, type) + " that is connected");
    if (!is_bound(fd))
        refuse_it(kind_of(family, type) + " that is not bound");
}

// What systemd has passed to this process and nobody has taken yet.
class passed_sockets
{
public:
    static passed_sockets& of_this_process()
    {
        static passed_sockets all;
        return all;
    }

    std::vector<int> take(const endpoint& where, socket_kind wanted)
    {
        const std::lock_guard lock{mutex_};
        if (!fault_.empty())
            refuse(where.to_string(), fault_);
        std::vector<int> found;
        for (const passed& p : all_)
            if (p.name == where.name())
                found.push_back(p.fd);
        if (found.empty())
            refuse(where.to_string(), "expected a socket of that name from systemd, got " + names());
        for (const int fd : found)
            check(fd, where.to_string() + " (descriptor " + std::to_string(fd) + ')', wanted);
        std::erase_if(all_, [&](const passed& p) { return p.name == where.name(); });
        return found;
    }

private:
    struct passed {
        std::string name;
        int fd;
    };

    passed_sockets()
    {
        read();
        for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
            ::unsetenv(variable);
        for (const passed& p : all_)
            ::fcntl(p.fd, F_SETFD, FD_CLOEXEC);
    }

    static std::optional<int> number(const char* variable)
    {
        const char* const text = std::getenv(variable);
        const std::string_view digits = text != nullptr ? text : "";
        int value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || value < 0)
            return std::nullopt;
        return value;
    }

    void read()
    {
        const int count = number("LISTEN_FDS").value_or(0);
        if (number("LISTEN_PID") != ::getpid() || count > std::numeric_limits<int>::max() - first_passed)
            return; // meant for another process, or for none
        const char* const text = std::getenv("LISTEN_FDNAMES");
        std::vector<std::string> names;
        for (std::string_view rest = text != nullptr ? text : ""; !rest.empty();) {
            const std::size_t colon = std::min(rest.find(':'), rest.size());
            names.emplace_back(rest.substr(0, colon));
            rest.remove_prefix(std::min(colon + 1, rest.size()));
        }
        if (!names.empty() && names.size() != static_cast<std::size_t>(count))
            fault_ = "LISTEN_FDNAMES: expected " + std::to_string(count) + " names, as LISTEN_FDS says, got " +
                     std::to_string(names.size());
        names.resize(static_cast<std::size_t>(count), "unknown"); // as sd_listen_fds_with_names(3) calls them
        for (int i = 0; i < count; ++i)
            all_.push_back({names[static_cast<std::size_t>(i)], first_passed + i});
    }

    std::string names() const
    {
        if (all_.empty())
            return "none: it has passed none to this process, or all are taken";
        std::string list;
        for (const passed& p : all_)
            list += (list.empty() ? "\"" : ", \"") + p.name + '"';
        return list;
    }

    std::mutex mutex_;
    std::vector<passed> all_;
    std::string fault_;
};

// What was inherited has survived exec, and loses that when it is taken: what would not survive it is one's own.
std::vector<int> take_descriptor(const endpoint& where, socket_kind wanted)
{
    const int fd = where.descriptor();
    check(fd, where.to_string(), wanted);
    if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0)
        refuse(where.to_string(),
               "expected a descriptor that the process has inherited, got one of its own, or that it "
               "listens on already (it is close-on-exec)");
    return {fd};
}

} // namespace

std::vector<inherited_socket> take_inherited(const endpoint& where, socket_kind wanted)
{
    const bool by_name = where.scheme() == endpoint::scheme_type::systemd;
    std::vector<inherited_socket> taken;
    for (const int fd :
         by_name ? passed_sockets::of_this_process().take(where, wanted) : take_descriptor(where, wanted)) {
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
        taken.push_back({.fd = descriptor{fd},
                         .family = static_cast<sa_family_t>(option(fd, SO_DOMAIN)),
                         .listens = option(fd, SO_ACCEPTCONN) == 1});
    }
    return taken;
}

} // namespace hawser::inline v0_1::detail
