# SPDX-License-Identifier: BSL-1.0
"""Python's answers to questions about names: standard input is a JSON array of [function, argument...], standard output an
array with each result, or the symbol of its error.
"""
import json
import socket
import sys

EAI = {value: name for name, value in vars(socket).items() if name.startswith("EAI_")}
HOST = {1: "HOST_NOT_FOUND", 2: "TRY_AGAIN", 3: "NO_RECOVERY", 4: "NO_DATA"}


def ask(function, *arguments):
    try:
        return getattr(socket, function)(*arguments)
    except socket.gaierror as error:
        return EAI[error.args[0]]
    except socket.herror as error:
        return HOST[error.args[0]]


json.dump([ask(*question) for question in json.load(sys.stdin)], sys.stdout)
