# SPDX-License-Identifier: BSL-1.0
"""The servers made for the tests, whose deadlines, limits and misbehaviour a test chooses: times in milliseconds."""
import os
from pathlib import Path

from process import Server


def options_server(handler, env=None, **options):
    return _server("options_server", handler, env=env, **options)


def http_options_server(**options):
    return _server("http_options_server", **options)


def _server(program, *words, env=None, **options):
    return Server(program, *words, *(f"{name}={value}" for name, value in options.items()),
                  directory=Path(os.environ["HAWSER_TEST_PROGRAMS"]), env=env)
