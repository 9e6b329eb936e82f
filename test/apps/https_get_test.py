# SPDX-License-Identifier: BSL-1.0
"""https_get as a process, against peers of Python's: what it sends, what it prints, what it leaves behind, and every error.

An Origin is such a peer. It answers by path: its pages are functions of a connection, which has read the request.
"""
import concurrent.futures
import contextlib
import fcntl
import os
import pty
import re
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest
from pathlib import Path

from certificates import SERVER_FAULTS, Certificates
from ports import held_port
from process import APPS, PATIENCE, Program, abort, run, text
from tls import server_context

OK = b"HTTP/1.1 200 OK\r\n"
LONG = bytes(range(256)) * 4096  # a mebibyte of every byte


def sized(body, status=b"200 OK", more=b""):
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(body), more, body)


def chunked(body, size=1000):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def until_close(body):
    return OK + b"\r\n" + body


def redirect(location, status=b"302 Found"):
    return b"HTTP/1.1 %b\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, location.encode())


BODIES = {"length": sized, "chunked": chunked, "close": until_close}


class Origin:
    """Serves `pages`, {path: bytes, or a function of the connection}. `requests` has each head as it came.

    With a pair it speaks TLS. A page of bytes is followed by the end of the stream; a function ends it itself, and whatever
    it leaves open ends without close_notify.
    """

    def __init__(self, pages, pair=None):
        self.pages = pages
        self.requests = []
        self.sources = []
        self.ended = threading.Event()
        self.context = server_context(pair) if pair else None
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.socket.getsockname()[1]
        self.scheme = "https" if pair else "http"
        self.threads = []

    def url(self, path="/", host="localhost"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def _accept(self):
        while True:
            try:
                connection, source = self.socket.accept()
            except OSError:
                return
            self.sources.append(source[0])
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, plain):
        plain.settimeout(PATIENCE)
        with plain, contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            if not self.context:
                return self._answer(plain)
            with self.context.wrap_socket(plain, server_side=True) as connection:
                self._answer(connection)

    def _answer(self, connection):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = connection.recv(1)
            if not piece:
                return
            head += piece
        self.requests.append(head)
        page = self.pages[head.split(b" ")[1].decode()]
        if callable(page):
            return page(connection)
        connection.sendall(page)
        if self.context:
            connection.unwrap()

    def __enter__(self):
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        for thread in self.threads:
            thread.join(PATIENCE)
        self.socket.close()

    # ---- Pages that do not end as they should

    def silent(self, *sent):
        """Sends this and nothing more until the test ends or the client goes."""
        def page(connection):
            connection.sendall(b"".join(sent))
            while not self.ended.is_set() and connection.recv(4096):
                pass
        return page

    @staticmethod
    def cut(sent):
        """Sends this and ends the stream: over TLS without close_notify."""
        def page(connection):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)  # of the socket alone
            while connection.recv(4096):
                pass
        return page

    @staticmethod
    def reset(sent):
        """Sends this and resets the connection."""
        def page(connection):
            connection.sendall(sent)
            abort(connection)
        return page


def fetch(*arguments):
    """Its exit status, standard output as bytes, and the lines of standard error."""
    done = subprocess.run([str(APPS / "https_get"), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE)
    return done.returncode, done.stdout, text(done.stderr).splitlines()


class Test(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.kept = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.kept.cleanup)
        cls.made = Certificates(cls.kept.name)

    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.folder = Path(kept.name)
        self.file = self.folder / "FILE"

    def origin(self, pages, secure=False, pair=None):
        made = Origin(pages, pair or (self.made.server() if secure else None))
        made.__enter__()
        self.addCleanup(made.__exit__)
        return made

    def get(self, *arguments):
        return fetch("--cacert", self.made.ca, *arguments)

    def failed(self, *arguments, named=(), out=b"", status=1):
        """Exit 1 and one line that names all of these; no file."""
        got = self.get(*arguments)
        self.assertEqual((got[0], got[1], len(got[2])), (status, out, 1), f"{arguments}: {got}")
        self.assertRegex(got[2][0], "^https_get: ")
        self.assertNotRegex(got[2][0], r"[\x00-\x1f\x7f]")
        for name in named:
            self.assertIn(name, got[2][0], arguments)
        self.assertEqual(os.listdir(self.folder), [])
        return got[2][0]


class Usage(Test):
    def test_help_lists_every_option_and_version_is_one_line(self):
        for flag in ("--help", "-h"):
            status, out, err = run("https_get", flag)
            self.assertEqual((status, err), (0, []))
            for word in "--head -i -H -o --max-redirects --timeout --source --cacert -v --help --version URL".split():
                self.assertIn(word, "\n".join(out))
        status, out, err = run("https_get", "--version")
        self.assertEqual((status, len(out), err), (0, 1, []))
        self.assertRegex(out[0], r"^https_get .*\d+\.\d+\.\d+$")

    def test_a_command_line_that_cannot_be_followed(self):
        url = "http://127.0.0.1:1/"
        for arguments, named in (
            ((), ("URL", "nothing")),
            ((url, url), ("URL", url)),
            (("127.0.0.1",), ("127.0.0.1", "http:// or https://")),
            (("ftp://h/",), ("ftp:", "https://")),
            (("http://user:secret@h/",), ("user name or password",)),
            (("http://h:70000/",), ("70000", "65535")),
            (("http://b\u00fccher.example/",), ("xn--",)),
            (("http://h/a b",), ("percent-encoding",)),
            (("http://h/\x1b[2J",), (r"\x1b",)),
            (("http://",), ("expected a host",)),
            (("-H", "no colon", url), ("-H", "Name: value", "no colon")),
            (("-H", "A B: c", url), ("A B",)),
            (("-H", "A: b\r\nC: d", url), (r"\r\n",)),
            (("-H", ": x", url), ("field",)),
            (("-H", "Host: other", url), ("Host",)),
            (("-H", "Content-Length: 5", url), ("Content-Length",)),
            (("--max-redirects", "-1", url), ("--max-redirects", "-1", "0")),
            (("--max-redirects", "1001", url), ("--max-redirects", "1001", "1000")),
            (("--max-redirects", "many", url), ("--max-redirects", "many")),
            (("--timeout", "5", url), ("--timeout", '"5"', "500ms")),
            (("--source", "localhost", url), ("--source", "localhost")),
            (("--source", "::1", url), ("::1", "same family")),
            (("--cacert", "/no/such/file", url), ("--cacert", "/no/such/file", "ENOENT")),
            (("-o", "", url), ("-o", "file's name")),
            (("--head", "-o", "FILE", url), ("-o", "--head")),
            (("--no-such-option", url), ("--no-such-option",)),
        ):
            with self.subTest(arguments=arguments):
                status, out, err = run("https_get", *arguments)
                self.assertEqual((status, out, len(err)), (2, [], 1), err)
                self.assertNotIn("secret", err[0])
                for name in named:
                    self.assertIn(name, err[0])

    def test_an_authority_that_is_no_certificate(self):
        file = self.folder / "ca.pem"
        file.write_text("nothing of the kind\n")
        status, out, err = fetch("--cacert", file, "https://127.0.0.1:1/")
        self.assertEqual((status, out, len(err)), (2, b"", 1), err)
        self.assertIn(str(file), err[0])


class Requests(Test):
    version = run("https_get", "--version")[1][0].split()[-1]

    def test_the_exact_bytes(self):
        for secure in (False, True):
            o = self.origin({"/a?b=c": sized(b"x"), "/": sized(b"")}, secure)
            own = f"Host: localhost:{o.port}\r\nUser-Agent: hawser/{self.version}\r\nAccept: */*\r\nConnection: close\r\n"
            self.assertEqual(self.get(o.url("/a?b=c#fragment")), (0, b"x", []))
            self.assertEqual(self.get("--head", o.url(""))[0], 0)
            self.assertEqual(self.get("-H", "X-One:  1 ", "-H", "Accept: text/html", "-H", "X-None:", o.url())[0], 0)
            self.assertEqual([r.decode() for r in o.requests], [
                f"GET /a?b=c HTTP/1.1\r\n{own}\r\n",
                f"HEAD / HTTP/1.1\r\n{own}\r\n",
                f"GET / HTTP/1.1\r\n{own}X-One: 1\r\nAccept: text/html\r\nX-None: \r\n\r\n"])

    def test_the_source_address_and_who_is_connected_to_whom(self):
        for secure in (False, True):
            o = self.origin({"/": sized(b"x")}, secure)
            status, out, err = self.get("-v", "--source", "127.0.0.5", o.url(host="127.0.0.1"))
            self.assertEqual((status, out, o.sources), (0, b"x", ["127.0.0.5"]))
            self.assertRegex(err[0], rf"^connected from \S*127\.0\.0\.5:\d+ to \S*127\.0\.0\.1:{o.port}$")

    def test_secrets_go_no_further_than_the_url_they_were_given_for(self):
        there = self.origin({"/": sized(b"x")})
        here = self.origin({"/": redirect(there.url()), "/same": redirect("/end"), "/end": sized(b"y")})
        secret = ("-H", "Authorization: Basic abc", "-H", "Cookie: a=b", "-H", "X: 1")
        self.assertEqual(self.get(*secret, here.url()), (0, b"x", []))
        self.assertEqual(self.get(*secret, here.url("/same")), (0, b"y", []))
        self.assertNotIn(b"abc", there.requests[0])
        self.assertNotIn(b"a=b", there.requests[0])
        self.assertIn(b"X: 1\r\n", there.requests[0])
        for request in here.requests:
            self.assertIn(b"Authorization: Basic abc\r\nCookie: a=b\r\nX: 1\r\n", request)


class Responses(Test):
    def test_every_kind_of_body_arrives_whole(self):
        for secure in (False, True):
            for kind, made in BODIES.items():
                for body in (b"", b"x", LONG):
                    o = self.origin({"/": made(body)}, secure)
                    status, out, err = self.get(o.url())
                    self.assertEqual((status, out == body, err), (0, True, []), (secure, kind, len(body)))

    def test_the_header_before_the_body_and_alone(self):
        page = b"HTTP/1.0 200 Fine\r\nServer: x\r\nX-Empty:\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 5\r\n\r\n"
        shown = page.replace(b"X-Empty:", b"X-Empty: ")
        o = self.origin({"/": page + b"hello", "/head": page})
        self.assertEqual(self.get("-i", o.url()), (0, shown + b"hello", []))
        self.assertEqual(self.get("--head", o.url("/head")), (0, shown, []))
        self.assertEqual(self.get("-i", "-o", self.file, o.url()), (0, shown, []))
        self.assertEqual(self.file.read_bytes(), b"hello")

    def test_interim_responses_are_passed_over(self):
        o = self.origin({"/": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + sized(b"x")})
        self.assertEqual(self.get("-i", o.url()), (0, sized(b"x"), []))

    def test_no_body_of_204_and_304(self):
        o = self.origin({"/204": OK.replace(b"200 OK", b"204 No Content") + b"\r\n",
                         "/304": OK.replace(b"200 OK", b"304 Not Modified") + b"Content-Length: 5\r\n\r\n"})
        self.assertEqual(self.get(o.url("/204")), (0, b"", []))
        self.assertEqual(self.get(o.url("/304")), (0, b"", []))

    def test_a_status_of_400_or_more_prints_the_body_and_names_the_status(self):
        o = self.origin({"/404": sized(b"no such page", b"404 Not Found"), "/599": sized(b"", b"599 Odd"),
                         "/400": sized(b"x", b"400 "), "/399": sized(b"fine", b"399 Nearly")})
        self.failed(o.url("/404"), named=(o.url("/404"), "status: 404 Not Found"), out=b"no such page")
        self.failed(o.url("/599"), named=("status: 599 Odd",))
        self.failed(o.url("/400"), named=("status: 400 Bad Request",), out=b"x")
        self.assertEqual(self.get(o.url("/399")), (0, b"fine", []))
        self.failed("-o", self.file, o.url("/404"), named=("status: 404 Not Found",), out=b"no such page")
        self.failed("--head", o.url("/599"), named=("status: 599 Odd",), out=sized(b"", b"599 Odd"))


class Redirects(Test):
    def chain(self, length):
        pages = {f"/{n}": redirect(f"/{n + 1}") for n in range(length)}
        return self.origin(pages | {f"/{length}": sized(b"end")})

    def test_ten_are_followed_and_not_eleven(self):
        self.assertEqual(self.get(self.chain(10).url("/0")), (0, b"end", []))
        o = self.chain(11)
        self.failed(o.url("/0"), named=("redirect: too_many_redirects", "at most 10", o.url("/11")))

    def test_as_many_as_the_option_says(self):
        self.assertEqual(self.get("--max-redirects", "2", self.chain(2).url("/0")), (0, b"end", []))
        self.failed("--max-redirects", "2", self.chain(3).url("/0"), named=("at most 2",))
        o = self.chain(1)
        status, out, err = self.get("-i", "--max-redirects", "0", o.url("/0"))
        self.assertEqual((status, out, err), (0, redirect("/1"), []))
        self.assertEqual(len(o.requests), 1)

    def test_every_status_that_redirects_keeps_the_method(self):
        for status in (b"301 a", b"302 a", b"303 a", b"307 a", b"308 a"):
            o = self.origin({"/": redirect("end", status), "/end": sized(b"")})
            self.assertEqual(self.get("--head", o.url())[0], 0)
            self.assertEqual([r.split(b" HTTP")[0] for r in o.requests], [b"HEAD /", b"HEAD /end"])

    def test_a_loop_is_named(self):
        o = self.origin({"/": redirect("/a"), "/a": redirect("/b"), "/b": redirect("a")})
        self.failed(o.url(), named=("redirect: redirect_loop", f"{o.url('/a')} -> {o.url('/b')} -> {o.url('/a')}"))

    def test_from_http_to_https_and_never_back(self):
        plain = self.origin({"/plain": sized(b"plain")})
        secure = self.origin({"/": sized(b"secure"), "/back": redirect(plain.url("/plain"))}, True)
        plain.pages["/"] = redirect(secure.url())
        plain.pages["/back"] = redirect(secure.url("/back"))
        self.assertEqual(self.get(plain.url()), (0, b"secure", []))
        for start in (secure, plain):
            self.failed(start.url("/back"), named=("redirect: redirect_refused: from https to", plain.url("/plain")))
        self.assertNotIn(b"/plain", b"".join(plain.requests))

    def test_a_location_that_leads_nowhere(self):
        for location in ("ftp://localhost/", "http://user:secret@localhost/", "javascript:alert(1)", "http://h:99999/"):
            o = self.origin({"/": redirect(location)})
            line = self.failed(o.url(), named=("redirect: redirect_refused",))
            self.assertNotIn("secret", line)
        o = self.origin({"/": sized(b"here", b"302 Found")})
        self.assertEqual(self.get(o.url()), (0, b"here", []))


class Files(Test):
    def test_a_whole_file_and_nothing_beside_it(self):
        for kind, made in BODIES.items():
            o = self.origin({"/": made(LONG)}, secure=True)
            self.assertEqual(self.get("-o", self.file, o.url()), (0, b"", []))
            self.assertTrue(self.file.read_bytes() == LONG, kind)
            self.assertEqual(os.listdir(self.folder), ["FILE"])

    def test_it_replaces_what_was_there_with_the_usual_mode(self):
        self.file.write_bytes(b"old")
        self.file.chmod(0o600)
        o = self.origin({"/": sized(b"new")})
        before = os.umask(0o027)
        self.addCleanup(os.umask, before)
        self.assertEqual(self.get("-o", self.file, o.url()), (0, b"", []))
        self.assertEqual((self.file.read_bytes(), self.file.stat().st_mode & 0o777), (b"new", 0o640))

    def test_a_link_is_followed_and_a_device_stays_one(self):
        o = self.origin({"/": sized(b"new")})
        target = self.folder / "target"
        target.write_bytes(b"old")
        self.file.symlink_to("target")
        self.assertEqual(self.get("-o", self.file, o.url()), (0, b"", []))
        self.assertTrue(self.file.is_symlink())
        self.assertEqual(target.read_bytes(), b"new")
        self.assertEqual(self.get("-o", "/dev/null", o.url()), (0, b"", []))
        self.assertTrue(Path("/dev/null").is_char_device())

    def test_a_file_in_the_working_directory(self):
        o = self.origin({"/": sized(b"x")})
        done = subprocess.run([str(APPS.resolve() / "https_get"), "-o", "FILE", o.url()], cwd=self.folder, timeout=PATIENCE)
        self.assertEqual((done.returncode, self.file.read_bytes()), (0, b"x"))

    def test_what_cannot_be_written(self):
        o = self.origin({"/": sized(LONG)})
        for name, symbol in ((self.folder, "EISDIR"), (f"{self.folder}/", "EISDIR"), ("/dev/full", "ENOSPC"),
                             (self.folder / "none" / "FILE", "ENOENT"), ("/proc/FILE", "E")):
            self.failed("-o", name, o.url(), named=(str(name), symbol))
        self.assertEqual(len(o.requests), 1)  # for /dev/full alone: the rest is known before

    def test_a_limit_on_the_file(self):
        o = self.origin({"/": sized(LONG)})
        done = subprocess.run(["prlimit", "--fsize=65536", "sh", "-c", 'trap "" XFSZ; exec "$@"', "sh",
                               str(APPS / "https_get"), "-o", str(self.file), o.url()], capture_output=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(text(done.stderr).splitlines(), [f"https_get: {self.file}: EFBIG (File too large)"])
        self.assertEqual(os.listdir(self.folder), [])

    def test_standard_output_that_ends_or_is_full(self):
        o = self.origin({"/": sized(LONG)})
        with open("/dev/full", "wb") as full:
            done = subprocess.run([str(APPS / "https_get"), o.url()], stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual((done.returncode, text(done.stderr)),
                         (1, "https_get: standard output: ENOSPC (No space left on device)\n"))
        done = subprocess.Popen([str(APPS / "https_get"), o.url()], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        done.stdout.read(100)
        done.stdout.close()
        self.assertEqual(text(done.stderr.read()), "https_get: standard output: EPIPE (Broken pipe)\n")
        done.stderr.close()
        self.assertEqual(done.wait(PATIENCE), 1)

    def test_a_signal_leaves_nothing_behind(self):
        for number, status, line in ((signal.SIGINT, 130, ["caught SIGINT, exiting"]), (signal.SIGTERM, -signal.SIGTERM, []),
                                     (signal.SIGHUP, -signal.SIGHUP, [])):
            asked = threading.Event()
            o = Origin({})
            o.pages["/"] = lambda connection, o=o, asked=asked: (asked.set(), o.silent(sized(LONG)[:-1])(connection))
            with o, Program("https_get", "-o", self.file, o.url()) as program:
                self.assertTrue(asked.wait(PATIENCE))
                self.assertEqual(len(os.listdir(self.folder)), 1)
                program.signal(number)
                self.assertEqual((program.wait(), program.err.all()), (status, line))
                self.assertEqual(os.listdir(self.folder), [])


class Cuts(Test):
    def test_a_cut_connection_is_an_error_and_leaves_no_file(self):
        cuts = {
            "no answer": (b"", "protocol: unexpected_end"),
            "in the head": (OK + b"Content-Le", "protocol: unexpected_end"),
            "in the length": (sized(LONG)[:-1], "body: unexpected_end"),
            "before the body": (sized(LONG)[:-len(LONG)], "after 0 of 1048576 bytes of the body"),
            "in a chunk": (chunked(LONG)[:-100], "body: unexpected_end"),
            "before the last chunk": (chunked(LONG)[:-5], "body: unexpected_end: connection ended after 1048576 bytes"),
            "in the last chunk": (chunked(LONG)[:-2], "body: unexpected_end"),
        }
        for name, (sent, words) in cuts.items():
            with self.subTest(name):
                o = self.origin({"/": Origin.cut(sent)})
                self.failed("-o", self.file, o.url(), named=(o.url(), words))

    def test_a_truncated_tls_stream_is_an_error_in_every_kind_of_body(self):
        for kind, made in BODIES.items():
            for sent in (made(LONG)[:-3], *([made(LONG)] if kind == "close" else [])):
                with self.subTest(kind=kind, size=len(sent)):
                    o = self.origin({"/": Origin.cut(sent)}, secure=True)
                    self.failed("-o", self.file, o.url(), named=(o.url(), "body: stream_truncated", "bytes of the body"))
        o = self.origin({"/": Origin.cut(b"")}, secure=True)
        self.failed(o.url(), named=("protocol: stream_truncated",))

    def test_a_body_that_is_whole_needs_no_end_of_the_stream(self):
        for secure in (False, True):
            for made in (sized, chunked):
                o = self.origin({"/": Origin.cut(made(b"whole"))}, secure)
                self.assertEqual(self.get(o.url()), (0, b"whole", []))

    def test_a_reset_is_an_error_even_where_the_end_would_be_the_bodys(self):
        for made in BODIES.values():
            o = self.origin({"/": Origin.reset(made(b"x" * 100)[:-3])})
            line = self.failed("-o", self.file, o.url())
            self.assertRegex(line, "ECONNRESET")

    def test_a_file_that_was_there_stays_as_it_was(self):
        self.file.write_bytes(b"old")
        o = self.origin({"/": Origin.cut(sized(LONG)[:-1])})
        self.assertEqual(self.get("-o", self.file, o.url())[0], 1)
        self.assertEqual((os.listdir(self.folder), self.file.read_bytes()), (["FILE"], b"old"))

    def test_what_is_not_http(self):
        for page in (b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", b"HTTP/2 200\r\n\r\n",
                     OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", OK + b"A: b\r\n c\r\n\r\n",
                     OK + b"Transfer-Encoding: gzip\r\n\r\n", OK + b"X: " + b"x" * 20000):
            o = self.origin({"/": page})
            self.failed(o.url(), named=("protocol: invalid_response",))


class Steps(Test):
    def test_a_name_that_does_not_exist(self):
        line = self.failed("--timeout", "10s", "http://no-such-host.invalid/")
        # Where no name server answers, the deadline or the resolver's own ends the look-up.
        self.assertRegex(line, r"http://no-such-host\.invalid/: name: (EAI_\w+ \([A-Z][a-z ]+|connect_timeout after)")

    def test_a_refused_connection_has_three_usual_causes(self):
        with held_port() as port:
            for scheme in ("http", "https"):
                self.failed(f"{scheme}://127.0.0.1:{port}/", named=(
                    f"{scheme}://127.0.0.1:{port}/: connect: ECONNREFUSED", "wrong port, server not running, or a firewall"))

    def test_bad_certificates_are_refused_by_name_and_good_ones_are_not(self):
        expected = {"expired": "certificate_expired", "not yet valid": "certificate_not_yet_valid",
                    "wrong name": "certificate_wrong_name", "unknown CA": "certificate_unknown_authority",
                    "self-signed": "certificate_self_signed", "wrong purpose": "certificate_wrong_purpose"}
        self.assertEqual(set(expected), set(SERVER_FAULTS))
        for fault, symbol in expected.items():
            with self.subTest(fault):
                for pair in (None, self.made.server(fault), None):
                    o = self.origin({"/": sized(b"x")}, pair=pair or self.made.server())
                    if pair is None:
                        self.assertEqual(self.get(o.url()), (0, b"x", []))
                        continue
                    self.failed("-o", self.file, o.url(), named=(f"{o.url()}: certificate: {symbol}",))
                    self.assertEqual(o.requests, [])

    def test_the_systems_authorities_do_not_know_the_tests(self):
        o = self.origin({"/": sized(b"x")}, secure=True)
        status, out, err = fetch(o.url())
        self.assertEqual((status, out, len(err), o.requests), (1, b"", 1, []))
        self.assertIn(f"{o.url()}: certificate: certificate_unknown_authority", err[0])

    def test_tls_where_there_is_none_and_the_reverse(self):
        plain = self.origin({"/": sized(b"x")})
        with socket.create_server(("127.0.0.1", 0)) as listening:
            def answer():
                peer, _ = listening.accept()
                with peer:
                    peer.recv(1)
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                    while peer.recv(4096):
                        pass
            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            self.failed(f"https://localhost:{listening.getsockname()[1]}/", named=("handshake: not_tls",))
            thread.join(PATIENCE)
        del plain
        secure = self.origin({"/": sized(b"x")}, secure=True)
        self.failed(f"http://localhost:{secure.port}/", named=("protocol: ",))


class Deadlines(Test):
    """Every case waits for its deadline at the same time as the others."""

    def late(self, cases):
        def one(case):
            url, words = case
            begun = time.monotonic()
            return *self.get("--timeout", "5s", url), time.monotonic() - begun, words
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            for status, _, err, seconds, words in pool.map(one, cases):
                self.assertEqual((status, len(err)), (1, 1), err)
                self.assertIn(words, err[0])
                self.assertGreaterEqual(seconds, 4.99, err)

    def test_the_connection_and_the_handshake(self):
        with contextlib.ExitStack() as open_sockets:
            full, silent = (open_sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=n)) for n in (0, 5))
            for _ in range(3):  # more than its queue holds: the kernel answers no other
                waiting = open_sockets.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            self.late([(f"http://127.0.0.1:{full.getsockname()[1]}/", ": connect: connect_timeout after 5 s"),
                       (f"https://127.0.0.1:{full.getsockname()[1]}/", ": connect: connect_timeout after 5 s"),
                       (f"https://127.0.0.1:{silent.getsockname()[1]}/", ": handshake: handshake_timeout after 5 s")])

    def test_the_header_and_the_body(self):
        cases = []
        for secure in (False, True):
            o = self.origin({}, secure)
            o.pages["/none"] = o.silent()
            o.pages["/part"] = o.silent(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
            cases += [(o.url(path), ": protocol: response_timeout after 5 s") for path in o.pages]
            for kind, made in BODIES.items():
                o.pages[f"/{kind}"] = o.silent(made(b"x" * 100)[:-10])
                cases.append((o.url(f"/{kind}"), ": body: body_timeout: no byte for 5 s after"))
        self.late(cases)


class Terminal(Test):
    """Standard error is a terminal of the test's, 60 columns wide."""

    @contextlib.contextmanager
    def started(self, *arguments, columns=60):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([str(APPS / "https_get"), *map(str, arguments)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        try:
            yield process, ours
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            os.close(ours)

    def seen(self, *arguments, **options):
        """The exit status, and what the terminal was sent."""
        with self.started(*arguments, **options) as (process, terminal):
            shown = b""
            with contextlib.suppress(OSError):  # the end of a terminal
                while piece := os.read(terminal, 4096):
                    shown += piece
            return process.wait(PATIENCE), text(shown)

    def slowly(self, before, after):
        """A page in two pieces, the second when the first one has been drawn."""
        drawn = threading.Event()

        def page(connection):
            connection.sendall(before)
            if not drawn.wait(PATIENCE):
                raise TimeoutError
            connection.sendall(after)
        return page, drawn

    def watch(self, terminal, pattern):
        shown = ""
        while not re.search(pattern, shown):
            shown += text(os.read(terminal, 4096))
        return shown

    def test_a_bar_with_percent_rate_and_time_left(self):
        whole = sized(LONG)
        page, drawn = self.slowly(whole[:-len(LONG) // 2], whole[-len(LONG) // 2:])
        o = self.origin({"/": page})
        with self.started("-o", self.file, o.url(), columns=80) as (process, terminal):
            half = self.watch(terminal, r"50% \[=+> +\] 512\.0 KiB of 1\.0 MiB, \d[\d.]* [KMG]?i?B/s, .* left")
            drawn.set()
            end = self.watch(terminal, "\r\n")
            self.assertEqual(process.wait(PATIENCE), 0)
        self.assertIn("  0% [>", half)
        self.assertRegex(end, r"100% \[=+\] 1\.0 MiB, \d[\d.]* [KMG]?i?B/s, in \d+ s\x1b\[K\r\n$")
        for line in re.split(r"\r", half + end):
            self.assertLess(len(line.removesuffix("\x1b[K")), 80)
        self.assertEqual(self.file.read_bytes(), LONG)

    def test_without_a_known_length_there_is_neither_bar_nor_percent(self):
        for made in (chunked, until_close):
            o = self.origin({"/": made(LONG)})
            status, shown = self.seen("-o", self.file, o.url())
            self.assertEqual(status, 0)
            self.assertRegex(shown, r"1\.0 MiB, [^\r]*/s, in \d+ s\x1b\[K\r\n$")
            self.assertNotRegex(shown, r"[%=>]")

    def test_a_narrow_terminal_is_never_overrun(self):
        o = self.origin({"/": sized(LONG)})
        for columns in (1, 2, 10, 30, 45):
            status, shown = self.seen("-o", self.file, o.url(), columns=columns)
            self.assertEqual(status, 0)
            for line in shown.replace("\x1b[K", "").split("\r"):
                self.assertLess(len(line.strip("\n")), columns)

    def test_an_error_takes_the_place_of_the_bar(self):
        o = self.origin({"/": Origin.cut(sized(LONG)[:-1])})
        status, shown = self.seen("-o", self.file, o.url())
        self.assertEqual(status, 1)
        self.assertRegex(shown, r"\r\x1b\[Khttps_get: [^\r]*body: unexpected_end[^\r]*\r\n$")

    def test_an_interruption_takes_the_bar_away(self):
        o = self.origin({})
        o.pages["/"] = o.silent(sized(LONG)[:-1])
        with self.started("-o", self.file, o.url()) as (process, terminal):
            self.watch(terminal, "%")
            process.send_signal(signal.SIGINT)
            self.watch(terminal, r"\r\x1b\[Kcaught SIGINT, exiting\r\n$")
            self.assertEqual(process.wait(PATIENCE), 130)
        self.assertEqual(os.listdir(self.folder), [])

    def test_no_bar_beside_a_body_on_standard_output_nor_for_an_error(self):
        o = self.origin({"/": sized(b"x"), "/404": sized(b"x", b"404 Not Found")})
        self.assertEqual(self.seen(o.url()), (0, ""))
        status, shown = self.seen("-o", self.file, o.url("/404"))
        self.assertRegex(shown, r"^https_get: [^\r]*404 Not Found\r\n$")

    def test_nothing_where_standard_error_is_no_terminal(self):
        o = self.origin({"/": sized(LONG)})
        self.assertEqual(self.get("-o", self.file, o.url()), (0, b"", []))


if __name__ == "__main__":
    unittest.main()
