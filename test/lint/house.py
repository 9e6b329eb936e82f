# SPDX-License-Identifier: BSL-1.0
"""House rules for text files: a licence, nothing unfinished or of one machine, no sleep in a test, every file listed."""
import re

UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE = re.compile(r"(?<![\w.$}/-])/(?:work|home|root|Users|mnt)/\w|\b[A-Z]:\\\\?Users")
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|time\.sleep|(?<![\w.])sleep)\s*\(")
PASSAGE = re.compile(r"(//|#) passage: \w")
LONG_COMMENT = re.compile(r"^(?=.{121}).*?(?<!:)//")
BUILD = re.compile(r"\b(GLOB_RECURSE|FetchContent\w*|ExternalProject\w*|CPMAddPackage|file\s*\(\s*DOWNLOAD)\b")


LICENCE = "SPDX-License-Identifier: BSL-1.0"


def check_licence(path, text):
    """Yields a refusal for a source whose first line, or second behind a #! line, does not name the licence."""
    lines = text.splitlines()
    is_script = bool(lines) and lines[0].startswith("#!")
    if not is_script and path.suffix not in (".c", ".cmake", ".cpp", ".hpp", ".py") and path.name != "CMakeLists.txt":
        return
    mark = "//" if path.suffix in (".c", ".cpp", ".hpp") else "#"
    if f"{mark} {LICENCE}" not in lines[is_script:is_script + 1]:
        yield is_script + 1, f"expected `{mark} {LICENCE}`"


def check(path, text):
    if path.parts[:2] == ("test", "lint"):
        return
    cmake = path.name == "CMakeLists.txt" or path.suffix == ".cmake"
    cpp = path.suffix in (".hpp", ".cpp")
    tests = path.parts[0] == "test" and path.suffix in (".cpp", ".hpp", ".py")
    for number, line in enumerate(text.splitlines(), 1):
        if match := UNFINISHED.search(line):
            yield number, f"{match.group()}: finish it, or leave it out"
        if match := MACHINE.search(line):
            yield number, f"{match.group()}...: a path of one machine"
        if cpp and LONG_COMMENT.search(line):
            yield number, f"{len(line)} columns: expected at most 120; the formatter leaves comments as they are"
        if cmake and (match := BUILD.search(line)):
            yield number, f"{match.group()}: sources are listed, and the build downloads nothing"
        if tests and SLEEP.search(line) and not PASSAGE.search(line):
            yield number, ("a sleep in a test: wait for what is awaited (a stretch of time that is itself measured or "
                           "sent over says so at the end of the line: `passage: why`)")


NAMESPACE = re.compile(r"^namespace hawser(?!::inline v\d+_\d+\b).*", re.MULTILINE)


def check_abi(path, text):
    """Yields a refusal for each namespace of the library's that is not in the inline one of the ABI."""
    if path.parts[0] == "lib" and path.suffix in (".hpp", ".cpp"):
        for match in NAMESPACE.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, f"{match.group()}: expected hawser::inline vMAJOR_MINOR"


# Files that the build must name: (folder, pattern, the list, how the list names the file).
LISTED = (
    ("lib", "src/**/*.cpp", "lib/CMakeLists.txt", "src/{below}"),
    ("lib", "include/hawser/**/*.hpp", "lib/CMakeLists.txt", "include/hawser/{below}"),
    ("apps", "*/*.cpp", "apps/CMakeLists.txt", "{folder}/{name}"),
    ("bench", "*.c", "bench/CMakeLists.txt", "{name}"),
    ("bench", "*.cpp", "bench/CMakeLists.txt", "{name}"),
    ("bench", "*/*.cpp", "bench/CMakeLists.txt", "{folder}/{name}"),
    ("test", "unit/**/*.cpp", "test/CMakeLists.txt", "{below}"),
    ("test", "fuzz/*.cpp", "test/CMakeLists.txt", "fuzz/{name}"),
    ("test", "integration/*.py", "test/CMakeLists.txt", "integration/{name}"),
    ("test", "apps/*.py", "test/CMakeLists.txt", "apps/{name}"),
    ("test", "bench/*.py", "test/CMakeLists.txt", "bench/{name}"),
    ("test", "consumer/*_*.py", "test/CMakeLists.txt", "consumer/{name}"),
    ("test", "dev/*.py", "test/CMakeLists.txt", "dev/{name}"),
    ("test", "judges/*.py", "test/CMakeLists.txt", "judges/{name}"),
    ("test", "http/*.cpp", "test/CMakeLists.txt", "http/{name}"),
    ("test", "http/*_test.py", "test/CMakeLists.txt", "http/{name}"),
)


def check_listed(root):
    """Yields (path, message) for each file that no list names: it would neither be built nor run, and nobody told."""
    for folder, pattern, listing, form in LISTED:
        listed = (root / listing).read_text() if (root / listing).exists() else ""
        for file in sorted((root / folder).glob(pattern)):
            base = pattern[:pattern.find("/**")] if "/**" in pattern else ""
            below = file.relative_to(root / folder / base)
            name = form.format(name=file.name, folder=file.parent.name, below=below)
            if not re.search(rf"(?<![\w./]){re.escape(name)}(?![\w.])", listed):
                yield file.relative_to(root), f"not in {listing}"
