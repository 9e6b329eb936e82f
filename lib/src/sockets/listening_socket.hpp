// SPDX-License-Identifier: BSL-1.0

// A bound socket, and the sockets that one endpoint stands for.
#ifndef HAWSER_SRC_SOCKETS_LISTENING_SOCKET_HPP
#define HAWSER_SRC_SOCKETS_LISTENING_SOCKET_HPP

#include "sockets/binding.hpp"
#include "sockets/descriptor.hpp"
#include "values/address.hpp"

#include <hawser/endpoint.hpp>
#include <hawser/listen_options.hpp>

#include <sys/stat.h>

#include <optional>
#include <vector>

namespace hawser::inline v0_1::detail {

/// A socket that has been bound, and listens after listen(). A Unix socket's file goes with it, unless it was
/// inherited.
class listening_socket
{
public:
    listening_socket() = default;
    listening_socket(descriptor d, endpoint where, int backlog);
    /// One that others may share. Without a backlog it listens already, and keeps its own.
    static listening_socket inherited(descriptor d, endpoint where, std::optional<int> backlog);
    listening_socket(listening_socket&&) noexcept = default;
    listening_socket& operator=(listening_socket other) noexcept;
    ~listening_socket();

    void listen();
    int get() const noexcept { return fd_.get(); }
    const endpoint& where() const noexcept { return where_; }

    /// Takes one connection from the queue without waiting: its descriptor, or -1 with errno. Non-blocking, CLOEXEC.
    int accept(address& peer) const noexcept;

private:
    struct file {
        std::string path;
        dev_t device = 0;
        ino_t inode = 0;
    };
    descriptor fd_;
    endpoint where_;
    std::optional<int> backlog_;
    file file_;
};

/// How long the kernel has had a TCP connection over which nothing has been sent; 0 if it does not say.
duration time_in_queue(int descriptor) noexcept;

/// Binds a socket at every address that the endpoint stands for, port 0 being one port for all, or takes the sockets
/// that were inherited. Throws endpoint_error, and std::invalid_argument for options that do not go with the endpoint.
std::vector<listening_socket> bind_all(const endpoint& where, const listen_options& options);

} // namespace hawser::inline v0_1::detail

#endif
