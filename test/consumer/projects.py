# SPDX-License-Identifier: BSL-1.0
"""Projects of strangers, cut from the README: its CMakeLists.txt, its line for pkg-config, its first program."""
import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/readme"))
import build_and_run  # noqa: E402
import snippets  # noqa: E402

CXX = os.environ["HAWSER_CXX"]
LAUNCHER = os.environ["HAWSER_CXX_LAUNCHER"]
TOOLS = ["-G", "Ninja", f"-DCMAKE_CXX_COMPILER={CXX}", f"-DCMAKE_CXX_COMPILER_LAUNCHER={LAUNCHER}",
         "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]


def must(*command, **options):
    run = subprocess.run([str(word) for word in command], text=True, capture_output=True, **options)
    if run.returncode != 0:
        raise AssertionError(f"{shlex.join(map(str, command))}\n{run.stdout}{run.stderr}")
    return run.stdout


def cmake(*arguments, **options):
    return must(os.environ["HAWSER_CMAKE"], *arguments, env={**os.environ, "CCACHE_NOHASHDIR": "1"}, **options)


def linking():
    """The README's section: its CMakeLists.txt, and its line for pkg-config."""
    section = (ROOT / "README.md").read_text().split("\n## Linking it\n", 1)[1].split("\n## ", 1)[0]
    (lists,) = re.findall(r"^```cmake\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (line,) = re.findall(r"^(c\+\+ .*pkg-config.*)$", section, re.MULTILINE)
    if "`add_subdirectory(hawser)` takes the place of `find_package`" not in " ".join(section.split()):
        raise AssertionError("README.md: Linking it: what takes the place of find_package?")
    return lists, line


def server(port):
    """The README's first program."""
    first = snippets.cut((ROOT / "README.md").read_text())[0]
    return build_and_run.on_port(first.code, port)


def project(source, lists, port):
    """Makes the folder with the README's project, whose server takes that port; returns its path."""
    source.mkdir()
    (source / "server.cpp").write_text(server(port))
    (source / "CMakeLists.txt").write_text(lists)
    return source


def serves(program, port):
    """Whether the README's server, as it was built, gives a frame back and ends well."""
    running = build_and_run.Server(program, str(program), port)
    try:
        return gives_back(port, b"\0\0\0\5hello")
    finally:
        running.stop()


def gives_back(port, bytes):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as peer:
        peer.sendall(bytes)
        return peer.recv(len(bytes), socket.MSG_WAITALL) == bytes
