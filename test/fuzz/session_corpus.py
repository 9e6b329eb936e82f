# SPDX-License-Identifier: BSL-1.0
"""Writes the corpus of session_fuzz.cpp that is made by hand: python3 session_corpus.py [FOLDER]. Each file is a life of
a connection, written down here by the names of what happens in it; session_fuzz.cpp says what the bytes mean.
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent

FRAMINGS = ["u32_be", "u16_le", "varint", "lines", "netstring", "u8", "grpc", "delimiter", "checksum", "fixed"]
LIMITS = [1000, 40, 60000, 5]
OPERATIONS = """
    read_frame read_frames read_some read_exactly read_in_place read_stream read_frame_as
    write_frame write_frame_pieces write write_some write_pieces write_batch try_write_frame try_write write_stream
    write_frame_as flush closed half_close close reset begin_unit end_unit post allow_unit deadlines
    cancel pass_time stall shape inject drain break_wire drop_client release delay cut
""".split()
SERVER, CLIENT = 0, 128
FROM_THE_CLIENT = CLIENT  # the direction that a stall, a shape or a break is of
FROM_THE_SERVER = SERVER

FULL = 14  # the high-water mark: 2 to this power


def pairs(operations, side=SERVER):
    return b"".join(step(name, how, side) for name, how in operations)


def step(name, how=0, side=SERVER):
    return bytes([OPERATIONS.index(name) + side, how])


def server(name, how=0):
    return step(name, how, SERVER)


def client(name, how=0):
    return step(name, how, CLIENT)


def says(stream):
    """Bytes of the network's own, up to 255 at once."""
    return b"".join(step("inject", len(piece)) + piece
                    for piece in (stream[at:at + 255] for at in range(0, len(stream), 255)))


def life(*steps, framing="u32_be", limit=1000, tls=False, held_back=False, timeouts=False, most_received=None,
         high=FULL, low=4, chunk=255, capacity=255, handler=()):
    flags = (3 if held_back else 2 if tls else 0) + (4 if timeouts else 0)
    if most_received is not None:
        flags += 24 + most_received // 100 * 32
    return bytes([FRAMINGS.index(framing) + len(FRAMINGS) * LIMITS.index(limit), flags, high + 17 * low, chunk,
                  capacity, len(handler)]) + pairs(handler) + b"".join(steps)


ECHO = [("read_frame", 0), ("write_frame", 100)] * 4
TALK = [client("write_frame", 60), client("read_frame"), client("write_frame", 3), client("read_frame")]
CLIENT_HELLO = (HERE / "corpus" / "client_hello" / "openssl").read_bytes()[2:]

LIVES = {
    "nothing": b"",
    "echo": life(*TALK, handler=ECHO),
    "echo_tls": life(*TALK, tls=True, handler=ECHO),
    "single_bytes": life(*TALK, chunk=0, capacity=0, handler=ECHO),
    "single_bytes_tls": life(*TALK, tls=True, chunk=0, capacity=0, handler=ECHO),
    "lines_written_in_pieces": life(client("write", 30), says(b"one\ntwo\r\nthree"), client("write_frame_pieces", 20),
                                    framing="lines", handler=[("read_frame", 0)] * 5),
    "varint_batches": life(client("write_batch", 7), client("write_batch", 150), framing="varint",
                           handler=[("read_frames", 0)] * 3),
    "u16_at_the_limit": life(client("write_frame", 40), client("write_frame", 41), framing="u16_le", limit=40,
                             handler=[("read_frame", 0)] * 2),
    "netstring_refused": life(says(b"3:abc,03:abc,"), framing="netstring", handler=[("read_frame", 0)] * 3),
    "http_to_frames": life(says(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), handler=[("read_frame", 0)] * 2),
    "checksum_and_other_formats": life(client("write_frame_as", 9), client("write_frame", 5), framing="checksum",
                                       handler=[("read_frame_as", 1), ("read_frame", 0), ("read_some", 0)]),
    "fixed_and_streams": life(client("write_frame", 5), client("write_stream", 200), client("read_stream", 0),
                              framing="fixed", handler=[("read_stream", 10), ("read_frame", 0), ("read_stream", 200)]),
    "in_place": life(client("write", 50), client("write", 50),
                     handler=[("begin_unit", 0), ("read_in_place", 9), ("read_in_place", 21), ("end_unit", 0),
                              ("read_in_place", 200)]),
    "writers_wait_and_one_is_cancelled": life(
        step("stall", 0, FROM_THE_SERVER), *[server("write_frame", 250)] * 3, server("write_frame_pieces", 90),
        server("write_some", 200), server("write_frame", 230), step("cancel", 4), step("cancel", 3),
        step("stall", 0, FROM_THE_SERVER), client("read_frame"), limit=60000, high=10, low=8, capacity=20),
    "empty_writes_wait": life(
        server("write", 240), *[server("write_pieces", 0), server("write_some", 0), server("write_frame", 7)] * 3,
        step("cancel", 3), client("read_some"), client("read_some"), high=4, low=3, capacity=1),
    "read_cancelled_inside_a_frame": life(
        says(b"\0\0\0\x0ahello"), step("cancel", 0), server("read_frame"), step("cancel", 1), says(b"world"),
        server("read_frame")),
    "read_cancelled_tls": life(
        server("read_frame"), step("cancel", 0), client("write_frame", 240), server("read_frame"), step("cancel", 2),
        server("read_frames"), tls=True, limit=60000, chunk=1, capacity=60),
    "two_reads_at_once": life(server("read_frame"), server("read_some"), client("write_frame", 1)),
    "a_view_outlives_its_socket": life(client("write_frame", 180), server("read_frame"), client("write_frame", 99),
                                       server("reset"), step("pass_time", 100)),
    "half_close_behind_output": life(step("stall", 0, FROM_THE_SERVER), server("write_frame", 255),
                                     server("half_close"), server("write_frame", 1), client("read_some"), limit=60000,
                                     capacity=5),
    "half_close_tls": life(client("write_frame", 80), client("half_close"), server("read_frame"), server("read_frame"),
                           server("write_frame", 220), client("read_frame"), tls=True, limit=60000),
    "close_with_a_reader": life(server("read_frame"), server("closed"), server("close"), client("read_frame")),
    "close_tls_while_the_peer_stalls": life(server("write_frame", 250), step("stall", 0, FROM_THE_SERVER),
                                            server("close"), *[step("pass_time", 60)] * 3, tls=True, limit=60000,
                                            timeouts=True),
    "reset_of_both": life(client("write_frame", 255), client("reset"), server("read_frame"), server("reset"),
                          limit=60000),
    "client_dropped": life(client("write_frame", 255), step("drop_client"), server("read_frame"), limit=60000),
    "drain_between_frames": life(client("write_frame", 9), step("drain"), client("read_frame"), client("write_frame", 9),
                                 step("pass_time", 60), timeouts=True, handler=[("read_frame", 0)] * 6),
    "drain_inside_a_frame": life(says(b"\0\0\0\x05he"), step("drain"), says(b"llo"), step("cut"),
                                 handler=[("read_frame", 0)] * 2),
    "drain_of_a_handshake": life(step("drain"), step("pass_time", 60), tls=True, held_back=True),
    "slow_frame": life(says(b"\0\0\0\x05h"), *[step("pass_time", 25)] * 4, timeouts=True,
                       handler=[("read_frame", 0)] * 2),
    "idle": life(client("read_frame"), step("pass_time", 90), timeouts=True, handler=[("read_frame", 0)]),
    "slow_reader": life(step("stall", 0, FROM_THE_SERVER), server("write_frame", 255), server("write_frame", 255),
                        *[step("pass_time", 60)] * 3, timeouts=True, limit=60000, capacity=1),
    "most_received": life(*[client("write_frame", 90)] * 5, most_received=300, handler=[("read_frame", 0)] * 6),
    "posted": life(client("post", 20), server("post", 40), server("read_frame"), client("read_frame"),
                   server("post", 255)),
    "posted_exception_before_a_stream_write": life(server("post", 255), server("write_stream", 198),
                                                   server("read_stream", 9)),
    "posted_exception_behind_a_stream_write": life(
        step("stall", 0, FROM_THE_SERVER), server("write", 180), server("write_stream", 60), server("post", 255),
        server("write_stream", 60), high=4, capacity=1),
    "watchers": life(server("closed"), server("closed"), step("cancel", 0), client("write_frame", 4), client("half_close"),
                     server("read_frame"), server("read_frame")),
    "handler_throws": life(server("write", 20), step("release", 1), client("read_some"), client("read_some")),
    "handler_throws_tls": life(server("write", 20), step("release", 1), client("read_some"), client("read_some"),
                               tls=True),
    "delayed": life(step("delay", 50, FROM_THE_CLIENT), client("write_frame", 9), step("pass_time", 5),
                    step("pass_time", 10), client("half_close"), step("pass_time", 10), handler=[("read_frame", 0)] * 2),
    "cut_inside_a_frame": life(step("break_wire", 9, FROM_THE_CLIENT), client("write_frame", 60),
                               handler=[("read_frame", 0)] * 2),
    "reset_inside_a_frame": life(step("break_wire", 10, FROM_THE_CLIENT), client("write_frame", 60),
                                 handler=[("read_frame", 0)] * 2),
    "truncated_tls": life(client("write_frame", 60), server("read_frame"), step("break_wire", 3, FROM_THE_CLIENT),
                          server("read_frame"), tls=True),
    "forged_record": life(client("write_frame", 60), server("read_frame"), says(b"\x17\x03\x03\x00\x15" + b"a" * 21),
                          client("write_frame", 60), server("read_frame"), server("read_frame"), tls=True),
    "http_to_tls": life(says(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), tls=True, held_back=True),
    "hello_and_silence": life(says(CLIENT_HELLO), step("pass_time", 40), tls=True, held_back=True),
    "hello_in_single_bytes": life(says(CLIENT_HELLO), says(b"\x14\x03\x03\0\x01\x01"), tls=True, held_back=True,
                                  chunk=0),
    "hello_cut": life(says(CLIENT_HELLO[:100]), step("break_wire", 3, FROM_THE_CLIENT), tls=True, held_back=True),
    "hello_too_large": life(says(b"\x16\x03\x01\0\x06\x01\x01\0\0\x03\x03"), tls=True, held_back=True),
    "alert_instead_of_a_hello": life(says(b"\x15\x03\x01\0\x02\x02\x28"), tls=True, held_back=True),
}


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, bytes_of in LIVES.items():
        (folder / name).write_bytes(bytes_of)
    print(f"{len(LIVES)} files")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpus" / "session")
