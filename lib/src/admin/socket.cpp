// SPDX-License-Identifier: BSL-1.0
#include "admin/socket.hpp"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace hawser::inline v0_1::detail {
namespace {

// In the order of the kernel's TCP_ESTABLISHED = 1 and so on.
constexpr std::array state_names{"UNKNOWN",   "ESTABLISHED", "SYN_SENT",   "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
                                 "TIME_WAIT", "CLOSE",       "CLOSE_WAIT", "LAST_ACK", "LISTEN",    "CLOSING"};

std::uint64_t queued(int descriptor, unsigned long which) noexcept
{
    int bytes = 0;
    return ::ioctl(descriptor, which, &bytes) == 0 && bytes > 0 ? static_cast<std::uint64_t>(bytes) : 0;
}

bool peer_has_ended(unsigned state) noexcept
{
    return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

// Asks for one Unix socket's queues by its inode. False: the kernel does not say.
bool read_queues(int netlink, std::uint32_t inode, unix_diag_req& query, socket_state& state) noexcept
{
    struct {
        nlmsghdr head{};
        unix_diag_req body{};
    } request;
    request.head.nlmsg_len = sizeof request;
    request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.head.nlmsg_flags = NLM_F_REQUEST;
    query.udiag_ino = inode;
    request.body = query;
    if (::send(netlink, &request, sizeof request, 0) != static_cast<ssize_t>(sizeof request))
        return false;
    alignas(nlmsghdr) std::array<char, 1024> answer{};
    const ssize_t size = ::recv(netlink, answer.data(), answer.size(), MSG_DONTWAIT);
    constexpr std::size_t heads = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(unix_diag_msg));
    nlmsghdr head{};
    if (size < static_cast<ssize_t>(heads))
        return false;
    std::memcpy(&head, answer.data(), sizeof head);
    if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    const std::size_t end = std::min<std::size_t>(head.nlmsg_len, static_cast<std::size_t>(size));
    for (std::size_t at = heads; at + sizeof(nlattr) <= end;) {
        nlattr attribute{};
        std::memcpy(&attribute, answer.data() + at, sizeof attribute);
        unix_diag_rqlen lengths{};
        if (attribute.nla_len < sizeof attribute)
            return false;
        if (attribute.nla_type == UNIX_DIAG_RQLEN && at + sizeof attribute + sizeof lengths <= end) {
            std::memcpy(&lengths, answer.data() + at + sizeof attribute, sizeof lengths);
            state.receive_queue = lengths.udiag_rqueue;
            state.send_queue = lengths.udiag_wqueue;
            return true;
        }
        at += NLA_ALIGN(attribute.nla_len);
    }
    return false;
}

} // namespace

socket_state tcp_state(int descriptor, bool end_seen) noexcept
{
    socket_state state;
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return state;
    state.name = info.tcpi_state < state_names.size() ? state_names[info.tcpi_state] : state_names[0];
    if (info.tcpi_state == TCP_LISTEN) {
        state.receive_queue = info.tcpi_unacked;
        state.send_queue = info.tcpi_sacked;
        return state;
    }
    state.receive_queue = queued(descriptor, SIOCINQ);
    if (peer_has_ended(info.tcpi_state) && !end_seen)
        ++state.receive_queue; // the kernel's tables count the end as a byte until it is read, the call does not
    state.send_queue = queued(descriptor, SIOCOUTQ);
    state.quiet = std::chrono::milliseconds{std::min(info.tcpi_last_data_recv, info.tcpi_last_data_sent)};
    return state;
}

socket_state unix_state(int descriptor) noexcept
{
    return {"ESTABLISHED", queued(descriptor, SIOCINQ), queued(descriptor, SIOCOUTQ), {}};
}

socket_state unix_listener_state(int descriptor) noexcept
{
    socket_state state{"LISTEN", 0, 0, {}};
    struct stat file {};
    const int netlink = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return state;
    unix_diag_req query{};
    query.sdiag_family = AF_UNIX;
    query.udiag_states = ~0U;
    query.udiag_show = UDIAG_SHOW_RQLEN;
    query.udiag_cookie[0] = query.udiag_cookie[1] = ~0U; // any
    if (::fstat(descriptor, &file) == 0)
        read_queues(netlink, static_cast<std::uint32_t>(file.st_ino), query, state);
    ::close(netlink);
    return state;
}

socket_state datagram_state(int descriptor) noexcept
{
    constexpr std::size_t received = 0; // SK_MEMINFO_RMEM_ALLOC and SK_MEMINFO_WMEM_ALLOC
    constexpr std::size_t sent = 2;
    std::array<std::uint32_t, 9> memory{};
    socklen_t size = sizeof memory;
    ::getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, memory.data(), &size);
    return {"UNCONN", memory[received], memory[sent], {}};
}

} // namespace hawser::inline v0_1::detail
