// SPDX-License-Identifier: BSL-1.0
#include "sockets/unix_path.hpp"

#include "sockets/binding.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

namespace hawser::inline v0_1::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_wait_for_lock = 5s; // another has the lock for as long as a few calls take
constexpr auto pause_for_lock = 1ms;

error_code error_of_call() noexcept
{
    return {errno, boost::system::system_category()};
}

bool is_in_use(const error_code& e) noexcept
{
    return e == boost::system::errc::address_in_use;
}

error_code bind_socket(const descriptor& socket, const sockaddr_un& at) noexcept
{
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 ? error_code{}
                                                                                        : error_of_call();
}

// Whether no socket is bound to the file. The probe is of another kind than a server's socket and never connects to it:
// the kernel refuses it with EPROTOTYPE, whether the server listens or not yet, and with ECONNREFUSED if there is no
// socket. A file that this process may not write to counts as somebody's.
bool is_nobodys(const sockaddr_un& at) noexcept
{
    const descriptor probe{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    return probe && ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 &&
           errno == ECONNREFUSED;
}

// The file at the path, if there is one; as long as it is held, no other gets its inode number.
descriptor hold_file(const endpoint& where, const sockaddr_un& at)
{
    descriptor file{::open(at.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    struct stat status {};
    if (file && ::fstat(file.get(), &status) == 0 && !S_ISSOCK(status.st_mode))
        throw endpoint_error{error_code{ENOTSOCK, boost::system::system_category()},
                             where.to_string() + ": expected a socket or nothing at that path, got another file"};
    return file;
}

bool is_still_there(const descriptor& file, const sockaddr_un& at) noexcept
{
    struct stat held {};
    struct stat there {};
    return ::fstat(file.get(), &held) == 0 && ::lstat(at.sun_path, &there) == 0 && held.st_dev == there.st_dev &&
           held.st_ino == there.st_ino;
}

descriptor lock_folder(const endpoint& where)
{
    const std::string& path = where.path();
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
    descriptor lock{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!lock)
        refuse_binding(where, "open of its folder, to lock it and remove a stale socket", error_of_call());
    const auto give_up = std::chrono::steady_clock::now() + longest_wait_for_lock;
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        const error_code e = error_of_call();
        if ((e != boost::system::errc::operation_would_block && e != boost::system::errc::interrupted) ||
            std::chrono::steady_clock::now() >= give_up)
            refuse_binding(where, "lock of its folder, to remove a stale socket", e);
        std::this_thread::sleep_for(pause_for_lock);
    }
    return lock;
}

// To be called under the lock.
error_code replace_stale(const descriptor& socket, const endpoint& where, const sockaddr_un& at)
{
    const descriptor file = hold_file(where, at);
    // The kernel makes a socket's file first and ties the socket to it then, but nobody else can bind in this folder
    // meanwhile: once this call is back, the file's socket is tied to it, if it has one.
    const error_code e = bind_socket(socket, at);
    if (!is_in_use(e) || !file || !is_nobodys(at) || !is_still_there(file, at))
        return e;
    ::unlink(at.sun_path);
    return bind_socket(socket, at);
}

} // namespace

descriptor bind_to_path(const endpoint& where, std::optional<unsigned> mode)
{
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    where.path().copy(at.sun_path, sizeof at.sun_path - 1);
    descriptor fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd)
        refuse_binding(where, "socket", error_of_call());
    // The file is made with this mode, less the umask: at no time may more be done with it than was asked for.
    if (mode && ::fchmod(fd.get(), *mode) != 0)
        refuse_binding(where, "fchmod", error_of_call());
    error_code e = bind_socket(fd, at);
    if (is_in_use(e)) {
        if (!hold_file(where, at)) // which refuses what is no socket; whoever had the path is gone meanwhile
            e = bind_socket(fd, at);
        if (is_in_use(e) && is_nobodys(at)) {
            const descriptor lock = lock_folder(where);
            e = replace_stale(fd, where, at);
        }
    }
    if (e)
        refuse_binding(where, "bind", e);
    if (mode && ::chmod(at.sun_path, *mode) != 0) {
        e = error_of_call();
        ::unlink(at.sun_path);
        refuse_binding(where, "chmod", e);
    }
    return fd;
}

} // namespace hawser::inline v0_1::detail
