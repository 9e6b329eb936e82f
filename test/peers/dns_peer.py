# SPDX-License-Identifier: BSL-1.0
"""A name server on UDP, 127.0.0.1:53, that knows the names of this file and has not heard of any other.

Prints "ready", and then each name that it is asked for, once for each type of record.
"""
import socket
import struct

A, PTR, AAAA = 1, 12, 28
OK, SERVER_FAILED, NO_SUCH_NAME = 0, 2, 3

ADDRESSES = {
    "four.test": {A: ["192.0.2.1", "192.0.2.2"]},
    "six.test": {AAAA: ["2001:db8::6"]},
    "both.test": {A: ["192.0.2.3"], AAAA: ["2001:db8::3"]},
    "nothing.test": {},
    "unnamed.test": {A: ["192.0.2.9"]},
    "1.2.0.192.in-addr.arpa": {PTR: ["four.test", "www.four.test"]},
    "6" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa": {PTR: ["six.test"]},
    "4.2.0.192.in-addr.arpa": {},
}
FAILS = {"fails.test", "8.2.0.192.in-addr.arpa"}
SILENT = {"silent.test", "7.2.0.192.in-addr.arpa"}


def labels(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def data(kind, value):
    if kind == PTR:
        return labels(value)
    return socket.inet_pton(socket.AF_INET if kind == A else socket.AF_INET6, value)


def question(message):
    """The name and the type, and where they end."""
    at, name = 12, []
    while message[at]:
        name.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(name).lower(), struct.unpack_from("!H", message, at + 1)[0], at + 5


def answer(message):
    name, kind, end = question(message)
    print(name, flush=True)
    if name in SILENT:
        return None
    code = SERVER_FAILED if name in FAILS else OK if name in ADDRESSES else NO_SUCH_NAME
    records = [data(kind, value) for value in ADDRESSES.get(name, {}).get(kind, ())]
    head = message[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(records), 0, 0)
    return head + message[12:end] + b"".join(
        struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(record)) + record for record in records)


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", 53))
    print("ready", flush=True)
    while True:
        message, asker = server.recvfrom(4096)
        if reply := answer(message):
            server.sendto(reply, asker)
