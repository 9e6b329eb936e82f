# SPDX-License-Identifier: BSL-1.0
"""Ports that are free, and stay so."""
import contextlib
import socket


@contextlib.contextmanager
def held_port():
    """A port of 127.0.0.1 that nobody else is given. A connection to it is refused, until a program that sets
    SO_REUSEADDR listens there."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
