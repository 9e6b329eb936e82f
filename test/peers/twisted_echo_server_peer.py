# SPDX-License-Identifier: BSL-1.0
"""Twisted's echo server: `frames` are Int32StringReceiver's, `bytes` come back as they are. Prints the port it got."""
import sys

from twisted.internet import protocol, reactor
from twisted.protocols.basic import Int32StringReceiver


class Bytes(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Frames(Int32StringReceiver):
    MAX_LENGTH = 1 << 20

    def stringReceived(self, string):
        self.sendString(string)


class Factory(protocol.Factory):
    protocol = {"bytes": Bytes, "frames": Frames}[sys.argv[1]]


print("listening on", reactor.listenTCP(0, Factory(), interface="127.0.0.1").getHost().port, flush=True)
reactor.run()
