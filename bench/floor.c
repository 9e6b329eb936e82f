// SPDX-License-Identifier: BSL-1.0
/* The floor: the least an echo server can do. One thread, one epoll set, and for each message one recv into one
 * static buffer and one send. No framing, no limits, no deadlines, no handling of a peer that does not read.
 * Every figure of the benchmarks is a ratio to this program's, measured in the same run.
 *
 *     floor PORT        listens on 127.0.0.1:PORT (0 is any free port), prints `listening on tcp://127.0.0.1:PORT`
 */
#include "bare_epoll.h"

static void echo(int peer)
{
    const ssize_t received = recv(peer, buffer, sizeof buffer, 0);
    if (received <= 0 || send(peer, buffer, (size_t)received, MSG_NOSIGNAL) != received)
        close(peer);
}

int main(int argc, char** argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: floor PORT\n");
        return 2;
    }
    serve((unsigned short)atoi(argv[1]), echo);
}
