# SPDX-License-Identifier: BSL-1.0
"""The arrows between the folders of lib point one way; layers.txt, beside this file, is the table.

The library's own table, with what each folder includes: python3 test/lint/layers.py
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
TABLE = pathlib.Path(__file__).with_name("layers.txt")


class Table:
    """Which folder stands where, and which public headers belong to it."""

    def __init__(self, text):
        self.rank = {}  # of a folder, the lowest first
        self.asio_free = set()  # folders
        self.asio_by_name = set()  # files of theirs that may include it all the same
        self.inside = {}  # of a folder: the others that may include its private headers
        self.headers = {}  # the folder of a public header: "http/server" of <hawser/http/server.hpp>
        for number, line in enumerate(text.splitlines()):
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "asio:":
                self.asio_by_name.update(words[1:])
            elif words[0] == "inside:":
                self.inside[words[1]] = {words[1], *words[2:]}
            elif words[0].endswith(":"):
                self._add_headers(words[0][:-1], words[1:])
            else:
                self._add_folders(number, [word for word in words if word != "no-asio"], "no-asio" in words)

    def _add_folders(self, rank, folders, asio_free):
        for folder in folders:
            if folder in self.rank:
                raise ValueError(f"layers.txt names {folder} twice")
            self.rank[folder] = rank
            if asio_free:
                self.asio_free.add(folder)

    def _add_headers(self, folder, names):
        if folder not in self.rank:
            raise ValueError(f"layers.txt has headers of {folder}, which is no folder")
        for name in names:
            if name in self.headers:
                raise ValueError(f"layers.txt names <hawser/{name}.hpp> twice")
            self.headers[name] = folder

    def folder_of_include(self, name):
        """`name` as it stands in an #include; None if it has no place."""
        if name.startswith("hawser/"):
            return self.headers.get(name.removeprefix("hawser/").removesuffix(".hpp"))
        folder = str(pathlib.PurePath(name).parent)
        return folder if folder in self.rank else None

    def folder_of_file(self, path):
        """Of a path below the root."""
        name = pathlib.PurePath(*path.parts[2:])
        if path.parts[1] == "include":
            return self.headers.get(str(name.relative_to("hawser").with_suffix("")))
        return str(name.parent) if str(name.parent) in self.rank else None


def check(path, text, table=None):
    if path.suffix not in (".hpp", ".cpp") or path.parts[0] != "lib":
        return
    table = Table(TABLE.read_text()) if table is None else table
    public = path.parts[1] == "include"
    folder = table.folder_of_file(path)
    if folder is None:
        yield 1, f"{'/'.join(path.parts[1:])} has no place in test/lint/layers.txt"
        return
    name = "/".join(path.parts[2:])
    asio = folder not in table.asio_free or name in table.asio_by_name
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        bracket, name = match.groups()
        if name.startswith(("boost/asio", "boost/beast")) and not asio:
            yield line, f"{folder} is free of Asio, and this includes <{name}>"
        if public and name.startswith(("boost/beast", "boost/asio/ssl", "openssl/")):
            yield line, f"a public header includes <{name}>"
        if bracket == "<" and not name.startswith("hawser/"):
            continue
        if public and bracket == '"':
            yield line, f'a public header includes "{name}": only <hawser/...> is there for its user'
        other = table.folder_of_include(name)
        if other is None:
            yield line, f"{name} has no place in test/lint/layers.txt: expected FOLDER/NAME.hpp or <hawser/NAME.hpp>"
        elif bracket == '"' and folder not in table.inside.get(other, {folder}):
            yield line, f"{folder} includes {name}: it uses {other} by its public headers, as users do"
        elif other != folder and table.rank[other] >= table.rank[folder]:
            where = "above" if table.rank[other] > table.rank[folder] else "beside"
            yield line, f"{folder} includes {name} of {other}, which stands {where} it"


def used(root, table):
    """{folder: the folders whose files its own include}"""
    found = {folder: set() for folder in table.rank}
    for path in (root / "lib").rglob("*.[ch]pp"):
        folder = table.folder_of_file(path.relative_to(root))
        for _, name in INCLUDE.findall(path.read_text()):
            other = table.folder_of_include(name)
            if other not in (None, folder):
                found[folder].add(other)
    return found


def lines(root, table):
    """What each folder includes: itself, whether it may include Asio, and the others."""
    found = used(root, table)
    for folder in sorted(table.rank, key=table.rank.get):
        below = sorted(found[folder], key=lambda other: (table.rank[other], other))
        yield f"{folder:16}{'' if folder in table.asio_free else 'Asio':6}{' '.join(below)}".rstrip()


def check_page(root, table=None):
    """The architecture page shows these lines."""
    page = root / "lib/src/README.md"
    if not page.exists():
        return
    shown = page.read_text().splitlines()
    for line in lines(root, Table(TABLE.read_text()) if table is None else table):
        if " " in line and line not in shown:
            yield page.relative_to(root), f"does not show the line that layers.py prints: {line}"


def main():
    print(*lines(pathlib.Path(__file__).parents[2], Table(TABLE.read_text())), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
