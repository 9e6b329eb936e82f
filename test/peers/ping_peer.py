# SPDX-License-Identifier: BSL-1.0
"""Answers ICMP echo requests to 127.0.0.1 in the place of the kernel, in one way of those below. Prints "ready"."""
import socket
import struct
import sys


def checksum(message):
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def reply(identifier, sequence, data):
    head = struct.pack("!BBHHH", 0, 0, 0, identifier, sequence)
    return head[:2] + struct.pack("!H", checksum(head + data)) + head[4:] + data


WAYS = {
    "right": lambda i, s, d: [reply(i, s, d)],
    "identifier": lambda i, s, d: [reply(i ^ 1, s, d)],
    "sequence": lambda i, s, d: [reply(i, s + 1000, d)],
    "checksum": lambda i, s, d: [reply(i, s, d)[:-1] + bytes([d[-1] ^ 1])],
    "short": lambda i, s, d: [reply(i, s, d)[:6]],
    "data": lambda i, s, d: [reply(i, s, d[:-1] + bytes([d[-1] ^ 1]))],
    "truncated": lambda i, s, d: [reply(i, s, d[:24])],
    "twice": lambda i, s, d: [reply(i, s, d), reply(i, s, d)],
    "first": lambda i, s, d: [reply(i, s, d)] if s == 1 else [],
}

answers = WAYS[sys.argv[1]]
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as host:
    host.bind(("127.0.0.1", 0))
    print("ready", flush=True)
    while True:
        packet, asker = host.recvfrom(65536)
        message = packet[(packet[0] & 15) * 4:]
        if message[0] != 8:
            continue
        for answer in answers(*struct.unpack_from("!HH", message, 4), message[8:]):
            host.sendto(answer, asker)
