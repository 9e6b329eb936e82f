# SPDX-License-Identifier: BSL-1.0
"""Streams of HTTP/1.1 requests: valid ones that say what they mean, and mutations of them."""
import dataclasses

TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
PATH = "-._~!$&'()*+,;=:@/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
VALUE = bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100))
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
HOSTS = ["a", "example.org", "example.org:8080", "127.0.0.1", "[::1]", "[2001:db8::1]:80", "sub-domain.example.org:1"]
FRAMING = {"content-length", "transfer-encoding", "host", "connection", "expect"}


@dataclasses.dataclass
class Request:
    method: bytes
    target: bytes
    minor: int
    fields: list  # of (name, value)
    body: bytes


def text(random, alphabet, least, most):
    return "".join(random.choices(alphabet, k=random.randint(least, most)))


def any_case(random, name):
    return "".join(random.choice((c.lower(), c.upper())) for c in name)


def target(random, method, host):
    if method == "OPTIONS" and random.random() < 0.2:
        return "*"
    path = "/" + text(random, PATH, 0, 30)
    if random.random() < 0.3:
        path += "%" + text(random, "0123456789abcdefABCDEF", 2, 2)
    if random.random() < 0.3:
        path += "?" + text(random, PATH + "?", 0, 30)
    return f"http://{host}{path}" if random.random() < 0.1 else path


def value(random):
    words = [bytes(random.choices(VALUE, k=random.randint(1, 12))) for _ in range(random.randint(0, 4))]
    between = random.choice((b" ", b"\t", b"  "))
    return between.join(words)


def chunked(random, body, allow_trailers=True):
    wire = b""
    while body:
        size = random.randint(1, len(body))
        extension = random.choice((b"", b"", b";a", b";a=b", b';a="b;\\"c"', b";a;b=c"))
        digits = format(size, random.choice(("x", "X", "04x"))).encode()
        wire += digits + extension + b"\r\n" + body[:size] + b"\r\n"
        body = body[size:]
    wire += random.choice((b"0", b"00", b"0;a")) + b"\r\n"
    if allow_trailers and random.random() < 0.2:
        wire += b"Trailer-" + text(random, TOKEN, 1, 5).encode() + b": " + value(random) + b"\r\n"
    return wire + b"\r\n"


def valid(random, last):
    """A request and its bytes; one that is not the last lets the connection live on."""
    minor = 0 if last and random.random() < 0.2 else 1
    method = random.choice(METHODS)
    host = random.choice(HOSTS)
    fields = [(any_case(random, "Host"), host.encode())]
    body = bytes(random.choices(range(256), k=random.randint(0, 60))) if random.random() < 0.5 else b""
    wire_body = b""
    if body and minor == 1 and random.random() < 0.5:
        fields.append((any_case(random, "Transfer-Encoding"), any_case(random, "chunked").encode()))
        wire_body = chunked(random, body)
    elif body or random.random() < 0.3:
        fields.append((any_case(random, "Content-Length"), str(len(body)).encode()))
        wire_body = body
    for _ in range(random.randint(0, 6)):
        name = text(random, TOKEN, 1, 16)
        if name.lower().replace("_", "-") not in FRAMING:
            fields.append((name, value(random)))
    if last and random.random() < 0.3:
        fields.append(("Connection", random.choice((b"close", b"Close", b"close, x"))))
    elif random.random() < 0.3:
        fields.append(("Connection", b"keep-alive"))
    if body and minor == 1 and random.random() < 0.1:
        fields.append(("Expect", b"100-continue"))
    random.shuffle(fields)

    request = Request(method.encode(), target(random, method, host).encode(), minor,
                      [(name.encode(), value) for name, value in fields], body)
    wire = request.method + b" " + request.target + b" HTTP/1.%d\r\n" % minor
    for name, content in request.fields:
        blank = random.choice((b" ", b" ", b" ", b"", b"\t", b"  \t"))
        wire += name + b":" + blank + content + random.choice((b"", b"", b"", b" ", b"\t ")) + b"\r\n"
    return request, wire + b"\r\n" + wire_body


def valid_stream(random):
    count = random.choice((1, 1, 1, 2, 3))
    made = [valid(random, last=i == count - 1) for i in range(count)]
    return [request for request, _ in made], b"".join(wire for _, wire in made)


# What parsers have stumbled over; put anywhere.
PIECES = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b",", b"\"", b"\x0b", b"\x7f", b"\x80", b"_",
    b"\r\n ", b"\r\n\t", b"\r\n\r\n", b"abc",
    b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"content-length: +3\r\n", b"Content-Length: 3, 3\r\n",
    b"Content-Length: 9999999\r\n", b"Content_Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n", b"Transfer-Encoding:\r\n chunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Host: b\r\n", b"Host:\r\n", b"Connection: close\r\n", b"Connection: content-length\r\n", b"Expect: x\r\n",
    b"Upgrade: h2c\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET http://a/ HTTP/1.1\r\n", b" HTTP/1.1", b"HTTP/1.2", b"HTTP/2.0",
    b"0\r\n\r\n", b"3\r\nabc\r\n", b"0x3\r\n", b"+3\r\n", b"3 \r\n", b"3;a=\"\r\n\"\r\n",
    b"ffffffffffffffff\r\n", b"100000004\r\n",
]


def mutated(random, stream):
    wire = bytearray(stream)
    for _ in range(random.randint(1, 3)):
        at = random.randint(0, len(wire))
        kind = random.randrange(8)
        if kind == 0 and wire:
            wire[min(at, len(wire) - 1)] = random.randrange(256)
        elif kind == 1:
            del wire[at:at + random.choice((1, 1, 2, 5, 20))]
        elif kind == 2:
            wire[at:at] = random.choice(PIECES)
        elif kind == 3:
            wire[at:at] = wire[at:at + random.randint(1, 30)]
        elif kind == 4:
            version = random.choice((b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/01.1", b"http/1.1"))
            wire = bytearray(bytes(wire).replace(b"HTTP/1.1", version, 1))
        else:  # at a line's begin or end, where most of the grammar is
            lines = bytes(wire).split(b"\r\n")
            line = random.randrange(len(lines))
            if kind == 5:
                lines.insert(line, random.choice(PIECES).removesuffix(b"\r\n"))
            elif kind == 6:
                lines.insert(line, random.choice(lines))
            else:
                lines[line] = random.choice((lines[line] + random.choice(PIECES), random.choice(PIECES) + lines[line]))
            wire = bytearray(b"\r\n".join(lines))
    return bytes(wire)
