// Connected client sockets.
#ifndef LOAD_SOCKET_HPP
#define LOAD_SOCKET_HPP

#include "options.hpp"

#include <utility>

#include <unistd.h>

namespace load {

/// Owns a descriptor.
class descriptor
{
public:
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
    int number_;
};

/// Connects to the endpoint of the options, from their source address. The socket is non-blocking and sends at once.
/// Throws usage_error for an endpoint that cannot be read, std::system_error when the kernel refuses.
descriptor connect(const options& o);

} // namespace load

#endif
