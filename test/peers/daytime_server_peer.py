# SPDX-License-Identifier: BSL-1.0
"""Says the time to each who connects, in the form and with the error in seconds that it is told: accept, sendall, close.

    daytime_server_peer.py PORT rfc|nist SECONDS
"""
import socket
import sys
import time

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")


def line(form, instant):
    now = time.gmtime(instant)
    clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"
    if form == "nist":
        day = 40587 + int(instant) // 86400
        return f"\n{day} {now.tm_year % 100:02}-{now.tm_mon:02}-{now.tm_mday:02} {clock} 00 0 0 231.4 UTC(NIST) * \n"
    return f"{DAYS[now.tm_wday]}, {MONTHS[now.tm_mon - 1]} {now.tm_mday}, {now.tm_year} {clock}-UTC\r\n"


with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
    print("listening on", listening.getsockname()[1], flush=True)
    while True:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(line(sys.argv[2], time.time() + int(sys.argv[3])).encode())
