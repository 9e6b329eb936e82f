// SPDX-License-Identifier: BSL-1.0

// What owns one of the kernel's descriptors: a socket, an epoll.
#ifndef HAWSER_SRC_SOCKETS_DESCRIPTOR_HPP
#define HAWSER_SRC_SOCKETS_DESCRIPTOR_HPP

#include <unistd.h>

#include <utility>

namespace hawser::inline v0_1::detail {

/// Owns a descriptor.
class descriptor
{
public:
    descriptor() = default;
    explicit descriptor(int fd) noexcept : fd_{fd} {}
    descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    descriptor& operator=(descriptor&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~descriptor()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

} // namespace hawser::inline v0_1::detail

#endif
