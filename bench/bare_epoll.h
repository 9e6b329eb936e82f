/* The least a server on epoll can be, for the floors: one thread, one epoll set, one static buffer, and a function that
 * answers a readable peer. No limits, no deadlines, no handling of a peer that does not read.
 */
#ifndef BARE_EPOLL_H
#define BARE_EPOLL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[64 * 1024];

static void must(int ok, const char* what)
{
    if (!ok) {
        perror(what);
        exit(2);
    }
}

static int listen_on(unsigned short port)
{
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(listener >= 0, "socket");
    must(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, "setsockopt");
    must(bind(listener, (struct sockaddr*)&address, length) == 0, "bind");
    must(listen(listener, SOMAXCONN) == 0, "listen");
    must(getsockname(listener, (struct sockaddr*)&address, &length) == 0, "getsockname");
    printf("listening on tcp://127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void watch(int epoll, int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = descriptor}};
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0, "epoll_ctl");
}

static void welcome(int epoll, int listener)
{
    const int on = 1;
    const int peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (peer >= 0) {
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(epoll, peer);
    }
}

/* Serves for ever. `answer` takes what has arrived from a peer, and closes it when it has left. */
static inline void serve(unsigned short port, void (*answer)(int peer))
{
    const int listener = listen_on(port);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    must(epoll >= 0, "epoll_create1");
    watch(epoll, listener);

    for (;;) {
        struct epoll_event events[256];
        const int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; ++i) {
            if (events[i].data.fd == listener)
                welcome(epoll, listener);
            else
                answer(events[i].data.fd);
        }
    }
}

#endif
