// SPDX-License-Identifier: BSL-1.0
/* The floor of HTTP: the least that can answer a stream of GETs. For each batch of requests one recv into one static
 * buffer, a search for the blank lines that end them, and one send of as many answers, which are a fixed text.
 * Nothing is parsed: neither method nor target nor a body. What bare_epoll.h leaves out is left out here too.
 *
 *     http_floor PORT            listens on 127.0.0.1:PORT (0 is any free port), prints `listening on tcp://127.0.0.1:PORT`
 *     http_floor PORT keep-alive says so in each answer, as ab -k wants it
 *     http_floor PORT close      says so, and closes each connection after its first answers
 */
#include "bare_epoll.h"

#include <string.h>

#define ANSWER(FIELD)                                                                                                  \
    "HTTP/1.1 200 OK\r\n"                                                                                              \
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"                                                                          \
    "Content-Type: text/plain\r\n"                                                                                     \
    "Content-Length: 13\r\n" FIELD "\r\n"                                                                              \
    "Hello, World!"

enum { most_at_once = 1024, most_descriptors = 1 << 20 /* fs.nr_open */ };

static const char* text = ANSWER("");
static size_t text_size;
static int closes;

/* The text, again and again. */
static char answers[most_at_once * sizeof ANSWER("Connection: keep-alive\r\n")];

/* How much of a blank line a peer's last bytes were: its request may come in pieces. */
static unsigned char matched_of[most_descriptors];

static size_t count_requests(const char* at, const char* end, unsigned char* matched)
{
    size_t requests = 0;
    int m = *matched;
    while (at != end) {
        if (m == 0 && !(at = memchr(at, '\r', (size_t)(end - at))))
            break;
        m = *at == "\r\n\r\n"[m] ? m + 1 : *at == '\r';
        ++at;
        if (m == 4) {
            ++requests;
            m = 0;
        }
    }
    *matched = (unsigned char)m;
    return requests;
}

static int send_answers(int peer, size_t count)
{
    while (count > 0) {
        const size_t batch = count < most_at_once ? count : most_at_once;
        if (send(peer, answers, batch * text_size, MSG_NOSIGNAL) != (ssize_t)(batch * text_size))
            return 0;
        count -= batch;
    }
    return 1;
}

static void answer(int peer)
{
    const ssize_t received = recv(peer, buffer, sizeof buffer, 0);
    const size_t requests = received > 0 ? count_requests(buffer, buffer + received, &matched_of[peer]) : 0;
    if (received <= 0 || !send_answers(peer, requests) || (closes && requests > 0)) {
        matched_of[peer] = 0;
        close(peer);
    }
}

int main(int argc, char** argv)
{
    if (argc == 3 && strcmp(argv[2], "keep-alive") == 0) {
        text = ANSWER("Connection: keep-alive\r\n");
    } else if (argc == 3 && strcmp(argv[2], "close") == 0) {
        text = ANSWER("Connection: close\r\n");
        closes = 1;
    } else if (argc != 2) {
        fprintf(stderr, "usage: http_floor PORT [keep-alive|close]\n");
        return 2;
    }
    text_size = strlen(text);
    for (size_t i = 0; i < most_at_once; ++i)
        memcpy(answers + i * text_size, text, text_size);
    serve((unsigned short)atoi(argv[1]), answer);
}
