"""The arrows between the files of lib point one way; layers.txt, beside this file, is the table."""
import pathlib
import re

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
TABLE = pathlib.Path(__file__).with_name("layers.txt")


def read(text):
    """{file: (rank, layer, whether it may include Asio)}"""
    table = {}
    for rank, line in enumerate(text.splitlines()):
        if line.strip() and not line.startswith("#"):
            head, files = line.split(":")
            name, *flags = head.split()
            for file in files.split():
                if file in table:
                    raise ValueError(f"layers.txt names {file} twice")
                table[file] = (rank, name, "no-asio" not in flags)
    return table


def check(path, text, table=None):
    if path.suffix not in (".hpp", ".cpp") or path.parts[0] != "lib":
        return
    table = read(TABLE.read_text()) if table is None else table
    public = path.parts[1] == "include"
    place = table.get(path.name) or table.get(path.stem)
    if not place:
        yield 1, f"{path.stem} has no place in test/lint/layers.txt"
        return
    rank, layer, asio = place
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        bracket, name = match.groups()
        if name.startswith(("boost/asio", "boost/beast")) and not asio:
            yield line, f"the layer {layer} is free of Asio, and this includes <{name}>"
        if public and name.startswith(("boost/beast", "boost/asio/ssl", "openssl/")):
            yield line, f"a public header includes <{name}>"
        if name.startswith(("hawser/", "./", "../")) or bracket == '"':
            if not name.startswith("hawser/") and re.search(r"(^|/)(apps|test|bench)/", name):
                yield line, f"the library includes {name}, which is none of its own"
                continue
            if public and bracket == '"':
                yield line, f'a public header includes "{name}": only <hawser/...> is there for its user'
            stem = pathlib.PurePath(name).stem
            if stem not in table:
                yield line, f"{name} has no place in test/lint/layers.txt"
            elif table[stem][0] > rank:
                yield line, f"{layer} includes {name} of the layer {table[stem][1]}, which stands above it"
