// SPDX-License-Identifier: BSL-1.0

// What a name leads to is decided by the kernel in one step (openat2 with RESOLVE_BENEATH), so that nobody can change
// it between a check and a use.
#include "http/server/open_file.hpp"

#include <hawser/http/server.hpp>

#include <linux/openat2.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace hawser::inline v0_1::http::detail {
namespace {

constexpr int tries = 8; // of an open that a rename beneath the root got in the way of

status refusal_of(int error) noexcept
{
    switch (error) {
    case EACCES:
    case EPERM:
    case ENXIO: // a socket, or a device that is not there
    case ENODEV: return status::forbidden;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN: return status::service_unavailable;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV: return status::not_found;
    default: return status::internal_server_error;
    }
}

// The number of a file that was removed may be given to a new one: the time of birth tells them apart, where the file
// system keeps one.
bool is_same(const struct ::statx& a, const struct ::statx& b) noexcept
{
    return a.stx_ino == b.stx_ino && a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor &&
           a.stx_btime.tv_sec == b.stx_btime.tv_sec && a.stx_btime.tv_nsec == b.stx_btime.tv_nsec;
}

} // namespace

void refuse(status code)
{
    throw status_error{code, std::string{reason(code)}};
}

open_file file_tree::open(std::string name)
{
    return open_file{*this, std::move(name)};
}

// O_NONBLOCK: a FIFO without a writer must not keep the loop.
file_tree::opened file_tree::open_beneath(const std::string& name) const
{
    open_how how{};
    how.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    long fd = -1;
    for (int i = 0; i < tries && fd < 0 && (i == 0 || errno == EAGAIN || errno == EINTR); ++i)
        fd = ::syscall(SYS_openat2, root_.get(), name.c_str(), &how, sizeof how);
    if (fd < 0)
        refuse(refusal_of(errno));
    opened f{hawser::detail::descriptor{static_cast<int>(fd)}};
    if (::statx(f.file.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &f.facts) != 0)
        refuse(refusal_of(errno));
    if (!S_ISREG(f.facts.stx_mode) && !S_ISDIR(f.facts.stx_mode))
        refuse(status::forbidden);
    return f;
}

bool file_tree::hold() noexcept
{
    std::size_t held = held_.load();
    while (held < most_held_)
        if (held_.compare_exchange_weak(held, held + 1))
            return true;
    return false;
}

open_file::open_file(open_file&& other) noexcept
    : tree_{other.tree_}, name_{std::move(other.name_)}, is_{std::move(other.is_)}, held_{std::exchange(other.held_,
                                                                                                        false)}
{}

open_file& open_file::operator=(open_file&& other) noexcept
{
    std::swap(tree_, other.tree_);
    std::swap(name_, other.name_);
    std::swap(is_, other.is_);
    std::swap(held_, other.held_);
    return *this;
}

open_file::~open_file()
{
    if (held_)
        tree_->let_go();
}

bool open_file::before_wait() noexcept
{
    if (!is_.file || held_)
        return false;
    held_ = tree_->hold();
    if (held_)
        return false;
    is_.file = hawser::detail::descriptor{};
    return true;
}

int open_file::descriptor()
{
    if (!is_.file) {
        file_tree::opened again;
        try {
            again = tree_->open_beneath(name_);
        } catch (const status_error& e) {
            throw std::runtime_error{std::string{"a file that is being sent cannot be opened again: "} + e.what()};
        }
        if (!is_same(again.facts, is_.facts))
            throw std::runtime_error{"a file was replaced while it was sent"};
        is_.file = std::move(again.file);
    }
    return is_.file.get();
}

} // namespace hawser::inline v0_1::http::detail
