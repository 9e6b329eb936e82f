# SPDX-License-Identifier: BSL-1.0
"""TLS peers of a server under test: Python's own, one that writes its bytes itself, and OpenSSL called directly.

Wire      Python's TLS without a socket: the test carries the bytes, and may cut, change or keep them.
Library   OpenSSL's functions, for what Python does not offer: renegotiation, key updates, early data.
hello()   a ClientHello made of its parts, of any version and with any suites.
"""
import contextlib
import ctypes
import os
import select
import socket
import ssl
import struct
import threading
import time
import warnings

from process import PATIENCE, exchange, receive

ALERT, HANDSHAKE, APPLICATION = 21, 22, 23
ALERTS = {10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow", 40: "handshake_failure", 47: "illegal_parameter",
          50: "decode_error", 51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security",
          80: "internal_error", 86: "inappropriate_fallback", 109: "missing_extension", 112: "unrecognized_name",
          120: "no_application_protocol"}


def address(endpoint):
    host, _, port = endpoint.partition("://")[2].rpartition(":")
    return host.strip("[]"), int(port)


def client_context(ca, pair=None, version=None, alpn=(), weak=False):
    """What a client that verifies brings along. `version` alone is spoken; `weak` sends what nobody should."""
    context = ssl.create_default_context(cafile=str(ca))
    if weak:
        context.set_ciphers("ALL:@SECLEVEL=0")
    if version:
        with warnings.catch_warnings():  # of versions that Python would rather not speak
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
    if pair:
        context.load_cert_chain(pair.certificate, pair.key)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def server_context(pair, ca=None):
    """What a server brings along that stands in for ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if ca:
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def connect(where, context, name="localhost", session=None, source=None):
    """A socket of Python's that has shaken hands."""
    plain = socket.create_connection(address(where), PATIENCE, source_address=(source, 0) if source else None)
    try:
        return context.wrap_socket(plain, server_hostname=name, session=session)
    except BaseException:
        plain.close()
        raise


def alert(error):
    """The alert that ended a session of Python's: certificate_expired, for example; or what else it was."""
    reason = getattr(error, "reason", None) or type(error).__name__
    return reason.partition("_ALERT_")[2].lower() or reason


def refusal(where, context, name="localhost"):
    """Shakes hands and waits for data (TLS 1.3's client learns then that it is refused): the alert, or None if nothing
    comes."""
    try:
        with connect(where, context, name) as peer:
            peer.recv(1)
            return None
    except TimeoutError:
        return None
    except (ssl.SSLError, ConnectionError) as error:
        return alert(error)


def first_flight(context, name="localhost"):
    """The ClientHello that a client of Python's would send."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def cut(peer):
    """Ends a TLS socket's stream with a FIN and without TLS's own end; from then on it reads what is on the wire."""
    peer.shutdown(socket.SHUT_WR)


def records(octets):
    """Splits whole records: their types and contents."""
    while len(octets) >= 5:
        size = int.from_bytes(octets[3:5], "big")
        yield octets[0], octets[5:5 + size]
        octets = octets[5 + size:]


def record(kind, content, version=0x0303):
    return struct.pack(">BHH", kind, version, len(content)) + content


def end_of(peer):
    """Reads up to the end of the stream, or a reset: what came."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := peer.recv(65536):
            got += piece
    return got


class Newcomers:
    """Clients that come one after the other, exchange a frame and go: how many were `served`, the `failures`, and the
    certificates that were `seen`, by their numbers with the time of each first look."""

    def __init__(self, endpoint, ca):
        self.endpoint, self.context = endpoint, client_context(ca)
        self.seen, self.failures, self.served = {}, [], 0
        self.ended = False
        self.thread = threading.Thread(target=self._come)
        self.thread.start()

    def _come(self):
        while not self.ended:
            try:
                with connect(self.endpoint, self.context) as peer:
                    exchange(peer)
                    self.seen.setdefault(peer.getpeercert()["serialNumber"], time.monotonic())
                    peer.unwrap().close()
                self.served += 1
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()


class StandIn:
    """A server of Python's. It echoes one frame of each client, or what `converse` does; `seen` are the alerts it got."""

    def __init__(self, context, family=socket.AF_INET, converse=None):
        self.context = context
        self.converse = converse or self._echo
        self.seen = []
        self.ended = False
        self.socket = socket.create_server(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family)
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while not self.ended:
            plain, _ = self.socket.accept()
            plain.settimeout(PATIENCE)
            try:
                with self.context.wrap_socket(plain, server_side=True) as peer:
                    self.converse(peer)
            except (OSError, AssertionError) as error:
                if not self.ended:
                    self.seen.append(alert(error))
                plain.close()

    @staticmethod
    def _echo(peer):
        size = int.from_bytes(receive(peer, 4), "big")
        peer.sendall(size.to_bytes(4, "big") + receive(peer, size))
        peer.recv(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        socket.create_connection(self.socket.getsockname()[:2]).close()
        self.thread.join(PATIENCE)
        self.socket.close()


class Wire:
    """A client whose bytes the test carries over a plain socket."""

    def __init__(self, where, context, name="localhost"):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.plain = socket.create_connection(address(where), PATIENCE)
        self.plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def step(self):
        """Goes on as far as it can: whether the handshake is done."""
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False

    def flight(self):
        """What it has to say now."""
        self.step()
        return self.outgoing.read()

    def take(self):
        """Gives it what the server has sent; an AssertionError if that was the end of the stream."""
        if not (piece := self.plain.recv(65536)):
            raise AssertionError("the server has ended the stream")
        self.incoming.write(piece)

    def shake(self, last=False):
        """The whole handshake; `last`: but for its last flight, which is returned unsent."""
        while True:
            done = self.step()
            ours = self.outgoing.read()
            if done and last:
                return ours
            if ours:
                self.plain.sendall(ours)
            if done:
                return b""
            self.take()

    def sealed(self, content):
        """Records with this content."""
        self.tls.write(content)
        return self.outgoing.read()

    def read(self, size):
        got = b""
        while len(got) < size:
            try:
                got += self.tls.read(size - len(got))
            except ssl.SSLWantReadError:
                self.take()
        return got

    def alert(self):
        """How the server ends it: its alert, or `end` for a mere end of the stream."""
        while True:
            try:
                if not self.tls.read(65536):
                    return "close_notify"
            except ssl.SSLWantReadError:
                try:
                    piece = self.plain.recv(65536)
                except ConnectionResetError:
                    piece = b""
                if not piece:
                    return "end"
                self.incoming.write(piece)
            except ssl.SSLError as error:
                return alert(error)

    def close(self):
        self.plain.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- A ClientHello from its parts

def _vector(width, content):
    return len(content).to_bytes(width, "big") + content


def extension(kind, content):
    return struct.pack(">H", kind) + _vector(2, content)


def server_name(name):
    return extension(0, _vector(2, b"\0" + _vector(2, name)))


SIGNATURES = extension(13, _vector(2, bytes.fromhex("0403 0804 0401 0503 0805 0501 0603 0806 0601")))
GROUPS = extension(10, _vector(2, bytes.fromhex("0017 0018")))
POINTS = extension(11, _vector(1, b"\0"))
NO_RENEGOTIATION = extension(0xff01, _vector(1, b""))
GOOD_SUITES = (0xC02B, 0xC02F, 0xC02C, 0xC030)


def hello(version=0x0303, suites=GOOD_SUITES, extensions=SIGNATURES + GROUPS + POINTS + NO_RENEGOTIATION, session=b""):
    """The handshake message of a client of TLS 1.2 at most, not yet in a record."""
    body = (struct.pack(">H", version) + os.urandom(32) + _vector(1, session)
            + _vector(2, b"".join(struct.pack(">H", suite) for suite in suites)) + _vector(1, b"\0"))
    if extensions:
        body += _vector(2, extensions)
    return b"\1" + _vector(3, body)


def answer(where, octets, last=False):
    """What a server first says to these bytes: `server hello` and its version and suite, an alert's name, or `end`.
    `last`: nothing will follow them, and it is told so."""
    with socket.create_connection(address(where), PATIENCE) as peer:
        peer.sendall(octets)
        if last:
            peer.shutdown(socket.SHUT_WR)
        try:
            head = receive(peer, 5)
            content = receive(peer, int.from_bytes(head[3:5], "big"))
        except (AssertionError, ConnectionResetError):
            return ("end",)
        if head[0] == ALERT:
            return (ALERTS.get(content[1], str(content[1])),)
        if head[0] == HANDSHAKE and content[0] == 2:
            session = content[38]
            return "server hello", int.from_bytes(content[4:6], "big"), int.from_bytes(
                content[39 + session:41 + session], "big")
        return (f"record of type {head[0]}",)


# ---- OpenSSL itself

class Library:
    """One connection of OpenSSL's, over a blocking socket. It verifies nothing: the server is what is tested."""

    lib = ctypes.CDLL("libssl.so.3")
    crypto = ctypes.CDLL("libcrypto.so.3")
    TLS12, TLS13 = 0x0303, 0x0304
    _SET_MIN, _SET_MAX, _WANT_READ = 123, 124, 2
    for _name in ("TLS_client_method", "SSL_CTX_new", "SSL_new", "SSL_get1_session"):
        getattr(lib, _name).restype = ctypes.c_void_p
    crypto.ERR_reason_error_string.restype = ctypes.c_char_p
    crypto.ERR_reason_error_string.argtypes = [ctypes.c_ulong]
    crypto.ERR_get_error.restype = ctypes.c_ulong

    def __init__(self, where, version=None, session=None):
        method = ctypes.c_void_p(self.lib.TLS_client_method())
        self.context = ctypes.c_void_p(self.lib.SSL_CTX_new(method))
        if version:
            for limit in (self._SET_MIN, self._SET_MAX):
                self.lib.SSL_CTX_ctrl(self.context, limit, ctypes.c_long(version), None)
        self.plain = socket.create_connection(address(where), PATIENCE)
        self.plain.setblocking(True)
        self.ssl = ctypes.c_void_p(self.lib.SSL_new(self.context))
        self.lib.SSL_set_fd(self.ssl, self.plain.fileno())
        self.lib.SSL_set_connect_state(self.ssl)
        if session:
            self.lib.SSL_set_session(self.ssl, session)

    def call(self, function, *arguments):
        """Calls SSL_<function>; an OSError with OpenSSL's reason if that fails."""
        self.crypto.ERR_clear_error()
        result = getattr(self.lib, "SSL_" + function)(self.ssl, *arguments)
        if result <= 0:
            reason = self.crypto.ERR_reason_error_string(self.crypto.ERR_get_error())
            raise OSError(reason.decode() if reason else "the connection ended")
        return result

    def write(self, content):
        return self.call("write", content, len(content))

    def read(self, size):
        got = b""
        while len(got) < size:
            into = ctypes.create_string_buffer(size - len(got))
            size_now = self.call("read", into, len(into))
            got += into.raw[:size_now]
        return got

    def update_keys(self, count, request):
        """Sends so many key updates, each of which asks for one in return if `request`, and reads nothing meanwhile;
        stops when the server has ended the stream. How many have left."""
        for number in range(count):
            try:
                self.call("key_update", 1 if request else 0)
                self.call("do_handshake")
            except OSError:
                return number
            if number % 100 == 0 and select.select([self.plain], [], [], 0)[0]:
                try:
                    if not self.plain.recv(1, socket.MSG_PEEK):
                        return number
                except ConnectionResetError:
                    return number
        return count

    def session(self):
        return ctypes.c_void_p(self.lib.SSL_get1_session(self.ssl))

    def close(self):
        self.lib.SSL_free(self.ssl)
        self.lib.SSL_CTX_free(self.context)
        self.plain.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
