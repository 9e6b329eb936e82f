// SPDX-License-Identifier: BSL-1.0

// Client sockets.
#ifndef LOAD_SOCKET_HPP
#define LOAD_SOCKET_HPP

#include "options.hpp"

#include <utility>

#include <unistd.h>

namespace load {

/// Owns a descriptor, or none: then its number is negative.
class descriptor
{
public:
    descriptor() noexcept = default;
    explicit descriptor(int number) noexcept : number_{number} {}
    descriptor(descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    descriptor& operator=(descriptor&& other) noexcept
    {
        std::swap(number_, other.number_);
        return *this;
    }
    ~descriptor() { close(); }

    int get() const noexcept { return number_; }

    void close() noexcept
    {
        if (number_ >= 0)
            ::close(std::exchange(number_, -1));
    }

private:
    int number_ = -1;
};

/// Connects to the endpoint of the options, from their source address, and waits for it as long as their patience. The
/// socket is non-blocking and sends at once. Throws usage_error for an endpoint that cannot be read, std::system_error
/// when the kernel refuses.
descriptor connect(const options& o);

/// Begins the same without waiting: the socket is connected, or has its error, as soon as it is writable.
descriptor begin_connect(const options& o);

/// An error of the kernel by its symbol, as ECONNREFUSED.
std::string symbol_of(int error);

} // namespace load

#endif
