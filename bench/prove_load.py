#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Judges the judge: servers that misbehave in one way each, and what the load must say of them.

    prove_load.py [BUILD]      exit 0 if the load noticed everything, 1 if not
"""
import json
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

from programs import DEFAULT_BUILD, Failure, require

CONNECTIONS = 4
PIPELINE = 4
PATIENCE = "60s"  # for servers that answer at once: one that is late has a machine that is busy
SOME = "5s"       # for those whose answers are all wrong, so that nothing but it ends the run
LITTLE = "2s"     # for those that do not answer
FRAME = 68  # 64 bytes and their length
WINDOW = PIPELINE * FRAME
ALL = CONNECTIONS * PIPELINE
ANSWER = b"HTTP/1.1 200 OK\r\nDate: now\r\ncontent-LENGTH:  13 \r\n\r\nHello, World!"


# Each server is what it does with one whole window, `number` being how many came before it. True: go on.

def honest(peer, window, number):
    peer.sendall(window)
    return True


def one_byte_wrong(peer, window, number):
    peer.sendall(window if number < 5 else window[:100] + bytes([window[100] ^ 1]) + window[101:])
    return True


def two_messages_swapped(peer, window, number):
    peer.sendall(window[FRAME:2 * FRAME] + window[:FRAME] + window[2 * FRAME:])
    return True


def last_window_again(peer, window, number):
    peer.sendall(window if number < 5 else window + window)
    return True


def silent(peer, window, number):
    return True


def closes(peer, window, number):
    peer.sendall(window)
    return number < 5


def ends_without_answer(peer, window, number):
    if number < 5:
        peer.sendall(window)
    return number < 5


def ends_long_after(peer, window, number):
    if number < 5:
        peer.sendall(window)
        return True
    time.sleep(0.2)
    return False


def ends_inside_a_frame(peer, window, number):
    peer.sendall(window if number < 5 else window[:FRAME + 10])
    return number < 5


def resets(peer, window, number):
    peer.sendall(window)
    if number == 5:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
    return number < 5


# And in HTTP.

def answers(peer, window, number):
    peer.sendall(PIPELINE * ANSWER)
    return True


def answers_change(peer, window, number):
    peer.sendall(PIPELINE * ANSWER.replace(b"now", b"%d" % number))
    return True


def answers_come_byte_by_byte(peer, window, number):
    if number >= 3:
        return answers(peer, window, number)
    for byte in PIPELINE * ANSWER:
        peer.send(bytes([byte]))
    return True


def after_five_windows(name, answer):
    """Sends this instead of the second answer of the sixth window."""
    def behaviour(peer, window, number):
        peer.sendall(PIPELINE * ANSWER if number < 5 else ANSWER + answer + 2 * ANSWER)
        return True
    behaviour.__name__ = name
    return behaviour


def closes_after_answers(peer, window, number):
    peer.sendall(PIPELINE * ANSWER)
    return number < 5


def ends_inside_an_answer(peer, window, number):
    peer.sendall(PIPELINE * ANSWER if number < 5 else ANSWER + ANSWER[:-1])
    return number < 5


@dataclass(frozen=True)
class Case:
    server: callable
    kind: str = ""                              # of the error, or of either; none: exit 0
    first: str = ""                             # what is said of the first
    counts: dict = field(default_factory=dict)  # in the JSON, with --until-end
    options: tuple = ()
    patience: str = PATIENCE
    mode: str = "frames"


# So long that no message was sent early enough to be owed an answer, however slow this machine is just now.
NOTHING_OWED = ("--grace", "10m")

CASES = [
    Case(honest),
    Case(one_byte_wrong, "wrong answer", "after 21 answers: byte 1460 of the answers, in message 21: expected"),
    Case(two_messages_swapped, "wrong answer", 'after 0 answers: byte 4 of the answers, in message 0: expected "\\x00',
         patience=SOME),
    Case(last_window_again, "wrong answer", "more bytes came back than were sent"),
    Case(silent, "stuck", "nothing came for 2000 ms, with 4 of 4 connections open and 0 messages answered",
         patience=LITTLE),
    Case(closes, "closed", "after 24 answers: the server closed it"),
    Case(ends_inside_a_frame, "torn", "after 21 answers: only the beginning of the next came"),
    Case(resets, "reset", "it was reset"),
    Case(closes, counts={"ended": CONNECTIONS, "lost": 0, "torn": 0, "resets": 0}),
    Case(ends_without_answer, counts={"ended": CONNECTIONS, "lost": 0, "late": ALL, "torn": 0, "resets": 0},
         options=NOTHING_OWED),
    Case(ends_long_after, "lost", counts={"ended": CONNECTIONS, "lost": ALL, "late": 0, "torn": 0, "resets": 0}),
    Case(ends_inside_a_frame, "torn", counts={"torn": CONNECTIONS, "lost": 0, "late": 3 * CONNECTIONS},
         options=NOTHING_OWED),
    Case(resets, "reset", counts={"ended": CONNECTIONS, "resets": CONNECTIONS}),
    Case(one_byte_wrong, "wrong answer", "in message 21", {"ended": 0, "torn": 0, "lost": 0},
         options=NOTHING_OWED, patience=SOME),
] + [Case(*case, mode="http") for case in (
    (answers,),
    (answers_change,),
    (answers_come_byte_by_byte,),
    (after_five_windows("another_status", ANSWER.replace(b"200", b"404")), "status 404",
     'after 21 answers: expected a status of 200, got "HTTP/1.1 404 OK"'),
    (after_five_windows("no_body", b"HTTP/1.1 204 Nothing\r\n\r\n"), "status 204", 'got "HTTP/1.1 204 Nothing"'),
    (after_five_windows("another_status_without_end", b"HTTP/1.1 500 Oops\r\n\r\n"), "wrong answer",
     'expected a Content-Length of at most 65536 after "HTTP/1.1 500 Oops", got none'),
    (after_five_windows("no_final_status", b"HTTP/1.1 100 Continue\r\n\r\n"), "wrong answer", "expected a status of 200"),
    (after_five_windows("an_older_version", ANSWER.replace(b"/1.1", b"/1.0")), "wrong answer",
     "expected a status of 200"),
    (after_five_windows("another_body", ANSWER[:-1] + b"\x1b"), "wrong answer", 'got "Hello, World\\x1b"'),
    (after_five_windows("a_shorter_body", ANSWER.replace(b"13", b"12")), "wrong answer",
     'expected Content-Length: 13, got "12"'),
    (after_five_windows("no_length", ANSWER.replace(b"-LENGTH", b"-Size")), "wrong answer",
     "expected Content-Length: 13, got none"),
    (after_five_windows("two_lengths", ANSWER.replace(b"Date: now", b"Content-Length: 13")), "wrong answer",
     "one Content-Length"),
    (after_five_windows("chunks", ANSWER.replace(b"Date: now", b"Transfer-Encoding: chunked")), "wrong answer",
     "one Content-Length"),
    (after_five_windows("no_blank_line", 20_000 * b"a"), "wrong answer", "expected a status of 200"),
    (after_five_windows("a_body_too_many", ANSWER + b"Hello, World!"), "wrong answer", "expected a status of 200"),
    (after_five_windows("an_answer_too_many", ANSWER + ANSWER), "wrong answer",
     "more came back than the answers to 24 requests"),
    # Whichever is seen first: that one connection waits, or that all do.
    (after_five_windows("an_answer_too_few", b""), "stuck or timeout", " 2000 ms", {}, (), LITTLE),
    (closes_after_answers, "closed", "after 24 answers: the server closed it"),
    (closes_after_answers, "", "", {"ended": CONNECTIONS, "lost": 0, "torn": 0, "resets": 0}),
    (ends_inside_an_answer, "torn", "", {"torn": CONNECTIONS, "lost": 0, "late": 3 * CONNECTIONS}, NOTHING_OWED),
)]


def serve_one(peer, behaviour, expected):
    """Reads whole windows; when the behaviour is over, half-closes and reads to the client's end."""
    try:
        number, window = 0, b""
        while True:
            piece = peer.recv(expected - len(window))
            if not piece:
                break
            window += piece
            if len(window) == expected:
                if not behaviour(peer, window, number):
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(65536):
                        pass
                    break
                number, window = number + 1, b""
    except OSError:
        pass  # the load has gone, or this side has closed
    finally:
        peer.close()


def serve(listener, behaviour, expected):
    try:
        while True:
            peer, _ = listener.accept()
            threading.Thread(target=serve_one, args=(peer, behaviour, expected), daemon=True).start()
    except OSError:
        pass  # the load is done


def run(build, case):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = f"127.0.0.1:{listener.getsockname()[1]}"
        window = len(f"GET / HTTP/1.1\r\nHost: {where}\r\n\r\n") * PIPELINE if case.mode == "http" else WINDOW
        threading.Thread(target=serve, args=(listener, case.server, window), daemon=True).start()
        command = [f"{build}/apps/load", "--json", "--mode", case.mode, "--connections", str(CONNECTIONS),
                   "--pipeline", str(PIPELINE), "--patience", case.patience, *case.options]
        command += ["--until-end"] if case.counts else ["--messages", "2000"]
        return subprocess.run([*command, where], capture_output=True, text=True, timeout=180)


def judge(case, done):
    """What is wrong with the load's verdict; nothing if it is right."""
    found = json.loads(done.stdout)
    error = next((found["errors"][kind] for kind in case.kind.split(" or ") if kind in found["errors"]),
                 {"count": 0, "first": ""})
    if done.returncode != (1 if case.kind else 0) or done.stderr:
        yield f"exit {done.returncode}: {done.stderr.strip()}"
    if bool(case.kind) != bool(found["errors"]) or (case.kind and error["count"] == 0):
        yield f"expected `{case.kind}`"
    if case.first not in error["first"]:
        yield f"expected `{case.first}`"
    for name, expected in case.counts.items():
        if found.get(name) != expected:
            yield f"{name} {found.get(name)}, expected {expected}"


# Of an open loop: one server that once stands still, and answers everything afterwards or nothing any more.

RATE, SECONDS, SIZE = 1000, 3, 64


@dataclass(frozen=True)
class Stall:
    when: str
    after: int            # messages that have been answered when it begins
    seconds: float | None  # none: for ever


STALLS = [Stall("at the beginning", 0, 1), Stall("in the middle", 1000, 1), Stall("at the end", 2000, 2.5),
          Stall("for good", 2000, None)]


def serve_all(listener, stall, peers):
    """One thread, so that nothing is answered meanwhile. Its sockets are added to `peers`, and stay open as long as that."""
    answered = 0
    with selectors.DefaultSelector() as ready:
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is listener:
                    peers.append(listener.accept()[0])
                    ready.register(peers[-1], selectors.EVENT_READ)
                    continue
                message = key.fileobj.recv(SIZE, socket.MSG_WAITALL)
                if not message:
                    return
                if answered == stall.after:
                    if stall.seconds is None:
                        return
                    time.sleep(stall.seconds)
                key.fileobj.sendall(message)
                answered += 1


def run_stalled(build, stall):
    peers = []  # which a reset would rob of the last answers
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve_all, args=(listener, stall, peers), daemon=True).start()
        return subprocess.run([f"{build}/apps/load", "--json", "--rate", str(RATE), "--duration", f"{SECONDS}s",
                               "--connections", str(CONNECTIONS), "--patience", LITTLE if stall.seconds is None else PATIENCE,
                               "--size", str(SIZE), f"127.0.0.1:{listener.getsockname()[1]}"],
                              capture_output=True, text=True, timeout=180)


def judge_stalled(stall, done):
    found = json.loads(done.stdout)
    due = RATE * SECONDS
    unanswered = 0 if stall.seconds is not None else due - stall.after
    said = {"exit": (done.returncode, 1 if unanswered else 0), "due": (found["due"], due),
            "messages": (found["messages"], due - unanswered),
            "unanswered": (found["errors"].get("unanswered", {"count": 0})["count"], unanswered)}
    for name, (value, expected) in said.items():
        if value != expected:
            yield f"{name} {value}, expected {expected}"
    if stall.seconds is None:
        return
    # The message at which it begins waits for all of it, and a tenth of all are due in the 0.3 s behind that.
    for name, least in (("max", stall.seconds), ("p90", stall.seconds - 0.1 * SECONDS)):
        if found["latency_us"][name] < 1e6 * least:
            yield f"{name} {found['latency_us'][name]} us, expected at least {1e6 * least:.0f}"


def errors(done):
    for kind, error in json.loads(done.stdout)["errors"].items() if done.stdout else ():
        yield f"{error['count']} {kind}: {error['first']}"


def main(build):
    require([f"{build}/apps/load"])
    wrong = 0
    for case in CASES:
        done = run(build, case)
        faults = list(judge(case, done))
        wrong += bool(faults)
        name = case.server.__name__.replace("_", " ") + (", to the end" if case.counts else "")
        print(f"{'FAILED' if faults else 'ok':7}{name}:", *errors(done), *faults, sep="\n       ")
    for stall in STALLS:
        done = run_stalled(build, stall)
        faults = list(judge_stalled(stall, done))
        wrong += bool(faults)
        print(f"{'FAILED' if faults else 'ok':7}stands still {stall.when}:", *errors(done), *faults, sep="\n       ")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD))
    except Failure as failure:
        sys.exit(f"prove_load.py: {failure}")
