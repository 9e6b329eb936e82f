# SPDX-License-Identifier: BSL-1.0
"""What Hawser's parser accepts, independent ones accept as the same: h11 here, Boost.Beast's in request_reader. And
what is valid, Hawser accepts.

The streams are random: HTTP_SEED, printed at the start, makes the same ones again.
"""
import dataclasses
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import unittest

try:
    import h11
except ModuleNotFoundError:
    sys.path.append("/usr/lib/python3/dist-packages")  # Debian's packages, when another Python runs this
    import h11

import streams

VALID = 10_000
MUTATED = 20_000
READER = pathlib.Path(os.environ["HAWSER_TEST_PROGRAMS"]) / "request_reader"
SEED = int(os.environ.get("HTTP_SEED", random.randrange(2**32)))


def ours(wires):
    """What the library reads out of each stream: (requests, status of the refusal)."""
    sent = b"".join(struct.pack("<I", len(wire)) + wire for wire in wires)
    reader = subprocess.run([READER], input=sent, capture_output=True)
    if reader.returncode != 0:
        raise AssertionError(f"seed {SEED}: {reader.stderr.decode()}")
    for line in reader.stdout.splitlines():
        got = json.loads(line)
        unhex = bytes.fromhex
        requests = [streams.Request(unhex(r["method"]), unhex(r["target"]), r["minor"],
                                    [(unhex(name), unhex(value)) for name, value in r["fields"]], unhex(r["body"]))
                    for r in got["requests"]]
        yield requests, got["refused"]


def as_h11_has_it(requests):
    """h11 writes the coding in lower case."""
    return [dataclasses.replace(r, fields=[(name, value.lower() if name.lower() == b"transfer-encoding" else value)
                                           for name, value in r.fields]) for r in requests]


def finish_cycle(connection):
    """Answers, so that h11 goes on to the next request: the bytes that are left, for a connection that it closes."""
    connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    if connection.our_state is h11.MUST_CLOSE:
        return connection.trailing_data[0]
    connection.start_next_cycle()
    return None


def theirs(wire, count):
    """What h11 reads: at most `count` requests; fewer if it refuses one or waits for more."""
    limit = 1024 * 1024
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=limit)
    connection.receive_data(wire)
    requests = []
    try:
        while len(requests) < count:
            head = connection.next_event()
            if not isinstance(head, h11.Request):
                break
            body = b""
            while isinstance(event := connection.next_event(), h11.Data):
                body += event.data
            if not isinstance(event, h11.EndOfMessage):
                break
            requests.append(streams.Request(head.method, head.target, int(head.http_version[-1:]),
                                            list(head.headers.raw_items()), body))
            rest = finish_cycle(connection)
            if rest is not None:  # it knows no keep-alive in HTTP/1.0
                connection = h11.Connection(h11.SERVER, max_incomplete_event_size=limit)
                connection.receive_data(rest)
    except h11.ProtocolError:
        pass
    return requests


class Differential(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)

    def test_ten_thousand_valid_streams_are_read_as_what_they_mean(self):
        made = [streams.valid_stream(self.random) for _ in range(VALID)]
        read = list(ours([wire for _, wire in made]))
        self.assertEqual(len(read), VALID)
        for (meant, wire), (got, refused) in zip(made, read):
            self.assertEqual(got, meant, f"seed {SEED}, refused {refused}: {wire}")
            self.assertEqual(theirs(wire, len(meant)), as_h11_has_it(meant), f"seed {SEED}, h11 differs: {wire}")

    def test_what_is_accepted_of_mutated_streams_the_other_accepts_as_the_same(self):
        wires = [streams.mutated(self.random, streams.valid_stream(self.random)[1]) for _ in range(MUTATED)]
        read = list(ours(wires))
        self.assertEqual(len(read), MUTATED)
        accepted = 0
        refusals = set()
        for wire, (got, refused) in zip(wires, read):
            accepted += len(got)
            refusals.add(refused)
            if got:
                self.assertEqual(as_h11_has_it(got), theirs(wire, len(got)), f"seed {SEED}: {wire}")
        # The mutations reach both sides of the border.
        self.assertGreater(accepted, MUTATED // 10)
        self.assertLessEqual({0, 400, 413, 417, 501, 505}, refusals)

    def test_the_comparison_notices_what_the_other_refuses(self):
        right = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        self.assertEqual(len(theirs(right + right, 2)), 2)
        for wrong in (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                      b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"):
            self.assertEqual(theirs(wrong, 1), [])


if __name__ == "__main__":
    print(f"HTTP_SEED={SEED}", flush=True)
    unittest.main()
