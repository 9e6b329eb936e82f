# SPDX-License-Identifier: BSL-1.0
"""Twisted's client of an echo server: MODE PORT SIZE..., one payload of each size, all sent before the first is back.

`frames` are Int32StringReceiver's. Prints "received" and their number once all are back, or "closed" and how many were.
"""
import sys

from twisted.internet import protocol, reactor
from twisted.protocols.basic import Int32StringReceiver

PAYLOADS = [bytes(i * 7 % 256 for i in range(int(size))) for size in sys.argv[3:]]


class Client:
    back = 0

    def end(self):
        print("received", self.back)
        self.transport.loseConnection()

    def connectionLost(self, reason):
        if self.back != len(PAYLOADS):
            print("closed", self.back)
        reactor.stop()


class Bytes(Client, protocol.Protocol):
    def connectionMade(self):
        self.missing = b"".join(PAYLOADS)
        self.transport.writeSequence(PAYLOADS)

    def dataReceived(self, data):
        assert self.missing.startswith(data)
        self.missing = self.missing[len(data):]
        if not self.missing:
            self.back = len(PAYLOADS)
            self.end()


class Frames(Client, Int32StringReceiver):
    MAX_LENGTH = 1 << 20

    def connectionMade(self):
        for payload in PAYLOADS:
            self.sendString(payload)

    def stringReceived(self, string):
        assert string == PAYLOADS[self.back]
        self.back += 1
        if self.back == len(PAYLOADS):
            self.end()


class Factory(protocol.ClientFactory):
    protocol = {"bytes": Bytes, "frames": Frames}[sys.argv[1]]

    def clientConnectionFailed(self, connector, reason):
        sys.exit(reason.getErrorMessage())


reactor.connectTCP("127.0.0.1", int(sys.argv[2]), Factory())
reactor.run()
