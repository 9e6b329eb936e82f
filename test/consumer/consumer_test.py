# SPDX-License-Identifier: BSL-1.0
"""What a stranger builds on Hawser, from the README alone: installed, static and shared, and as a subdirectory.

The static library is the one of this build, installed; the shared one is built here, as the subdirectory of the README's
project, in the way that takes the least time. Each tree is moved after it was installed.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import unittest

from ports import held_port
from projects import CXX, LAUNCHER, ROOT, TOOLS, cmake, linking, must, project, serves

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["HAWSER_BUILD_DIR"])
FOLDER = pathlib.Path(os.environ["HAWSER_TEST_PROGRAMS"]) / "consumer"
FLAGS = "-O0"
# Each part of the library and what its program prints.
PARTS = {
    "core": "hello\n",
    "http": "200\ninvalid_url\n",
    "message": '{"action": "search"}\ninvalid_message_header\n',
    "datagram": "hello\nreceive_timeout\n",
    "names": "127.0.0.1\ninvalid_name\n",
}
BOOST = {"http": "Boost::url", "message": "Boost::json"}  # what a part looks for beside Boost's headers
BOOST_MISMATCH = """// Boost's own header, and another version than it says.
#include_next <boost/version.hpp>
#undef BOOST_VERSION
#define BOOST_VERSION 999900
"""
VERSIONS = """#include <hawser/error.hpp>
#include <hawser/version.hpp>
int main() { return hawser::version() == HAWSER_VERSION ? 0 : 1; }
"""


def inherited(command, own=""):
    """The flags of a compiler's command line beside include folders, the language level, file names and its owner's."""
    words = iter(shlex.split(command))
    flags = []
    for word in words:
        if word in ("-o", "-isystem", "-I"):
            next(words)
        elif word.startswith("-") and word != "-c" and not word.startswith(("-I", "-isystem", "-std=")):
            flags.append(word)
    return [flag for flag in flags if flag not in own.split()]


def compiled(build, source, own=""):
    """What the file in the project inherits."""
    (entry,) = [entry for entry in json.loads((build / "compile_commands.json").read_text())
                if pathlib.Path(entry["file"]) == source]
    return inherited(entry["command"].split(CXX + " ", 1)[1], own)


def installed(build, name):
    """The tree that the build installs, at another place than it was installed at."""
    cmake("--install", build, "--prefix", FOLDER / "elsewhere")
    (FOLDER / "elsewhere").rename(FOLDER / name)
    return FOLDER / name


def symbols_of(*nm):
    """What nm prints, without the inline namespace of the ABI."""
    return re.sub(r"\bhawser::v\d+_\d+::", "hawser::", must("nm", "-C", *nm))


def exported(library):
    """The names of Hawser's that a shared library exports, without arguments."""
    names = set()
    for line in symbols_of("-D", "--defined-only", library).splitlines():
        name = re.sub(r"\[abi:\w+\]", "", line[19:]).split("(", 1)[0]
        name = re.sub(r"^void (.*)<\d+>$", r"\1", name)
        # A template of Asio's that returns something of Hawser's is not Hawser's.
        if re.match(r"(\w+ (for|to) )*hawser::", name) and " boost::" not in name:
            names.add(name)
    return names


class Consumers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        cls.lists, cls.line = linking()
        cls.static = installed(BUILD, "static")
        cls.port = cls.enterClassContext(held_port())
        source = project(FOLDER / "subdirectory", cls.lists.replace(
            "find_package(hawser REQUIRED)", f"add_subdirectory({ROOT} hawser)"), cls.port)
        cls.subdirectory = source / "build"
        cmake("-S", source, "-B", cls.subdirectory, *TOOLS, "-DBUILD_SHARED_LIBS=ON", "-DHAWSER_BUILD_ADMIN=ON",
              "-DHAWSER_INSTALL=ON", "-DCMAKE_BUILD_TYPE=Debug", f"-DCMAKE_CXX_FLAGS_DEBUG={FLAGS}",
              "-DHAWSER_WERROR=ON", "-DHAWSER_UNITY_BUILD=ON")
        cmake("--build", cls.subdirectory)
        cls.shared = installed(cls.subdirectory, "shared")

    def test_the_readmes_project_as_five_lines(self):
        self.assertEqual(len(self.lists.splitlines()), 5)

    def test_a_subdirectory_builds_serves_and_passes_no_flag_on(self):
        self.assertEqual(compiled(self.subdirectory, FOLDER / "subdirectory/server.cpp", FLAGS), [])
        self.assertTrue(serves(self.subdirectory / "your_server", self.port))
        self.assertEqual([path.name for path in (self.subdirectory / "hawser").iterdir() if path.is_dir()
                          and path.name not in ("CMakeFiles",)], ["lib"])

    def test_the_installed_library_by_find_package(self):
        for kind in ("static", "shared"):
            with self.subTest(kind):
                source = project(FOLDER / f"found-{kind}", self.lists, self.port)
                build = source / "build"
                cmake("-S", source, "-B", build, *TOOLS, f"-DCMAKE_PREFIX_PATH={FOLDER / kind}")
                cmake("--build", build)
                self.assertEqual(compiled(build, source / "server.cpp"), [])
                self.assertTrue(serves(build / "your_server", self.port))

    def test_the_installed_library_by_pkg_config(self):
        for kind in ("static", "shared"):
            with self.subTest(kind):
                source = project(FOLDER / f"pkg-config-{kind}", self.lists, self.port)
                libraries = FOLDER / kind / "lib"
                line = self.line.replace("c++ ", f"{LAUNCHER} {CXX} -Wl,-rpath,{libraries} ".lstrip(), 1)
                must("sh", "-c", line, cwd=source, env={**os.environ, "PKG_CONFIG_PATH": str(libraries / "pkgconfig")})
                self.assertTrue(serves(source / "your_server", self.port))

    def test_every_header_and_each_component(self):
        for kind in ("static", "shared"):
            with self.subTest(kind):
                build = FOLDER / f"parts-{kind}"
                cmake("-S", HERE, "-B", build, *TOOLS, f"-DCMAKE_PREFIX_PATH={FOLDER / kind}")
                cmake("--build", build)
                self.assertEqual(compiled(build, HERE / "every_part.cpp"), ["-DBOOST_ASIO_NO_DEPRECATED"])
                self.assertEqual(compiled(build, HERE / "admin.cpp"), [])
                self.assertEqual(must(build / "every_part"), "hello\ninvalid_endpoint\nrefused\n")
                self.assertEqual(must(build / "admin"), "200\n")
                if kind == "static":
                    self.assertEqual(compiled(build, HERE / "handler_test.cpp"), [])
                    self.assertEqual(must(build / "handler_test"), "failed: idle_timeout\n")

    @staticmethod
    def on_part(part, kind):
        """Where the program on that part is, and what CMake has told; one object serves both kinds."""
        build = FOLDER / f"part-{part}-{kind}"
        compiled = FOLDER / f"part-{part}-static/CMakeFiles/program.dir/{part}.cpp.o"
        if kind == "shared" and not compiled.exists():
            Consumers.on_part(part, "static")
        told = cmake("-S", HERE / "parts", "-B", build, *TOOLS, f"-DPART={part}", f"-DCMAKE_PREFIX_PATH={FOLDER / kind}",
                     *([f"-DOBJECT={compiled}"] if kind == "shared" else []))
        cmake("--build", build)
        return build / "program", told, compiled

    def test_each_part_alone(self):
        for part, words in PARTS.items():
            for kind in ("static", "shared"):
                with self.subTest(part, kind=kind):
                    program, told, compiled_once = self.on_part(part, kind)
                    tree = FOLDER / kind
                    self.assertEqual(must(program), words)
                    if kind == "static":
                        (found,) = re.findall(r"found: (.*)", told)
                        self.assertEqual([name for name in BOOST.values() if name in found.split(";")],
                                         [BOOST[part]] if part in BOOST else [])
                        self.assertEqual({name for name in found.split(";") if name.startswith("hawser::")},
                                         {"hawser::core", f"hawser::{part}"})

                    by_hand = program.with_name("by_pkg_config")
                    must("sh", "-c", f"{CXX} {compiled_once} $(pkg-config --libs hawser-{part}) "
                         f"-Wl,-rpath,{tree / 'lib'} -o {by_hand}",
                         env={**os.environ, "PKG_CONFIG_PATH": str(tree / "lib/pkgconfig")})
                    self.assertEqual(must(by_hand), words)

    def test_a_framed_echo_on_the_core_has_nothing_of_http_json_or_urls(self):
        # Statically it holds what its part is made of. The shared library is one behind all the names: there it holds
        # of the program itself.
        for kind in ("static", "shared"):
            with self.subTest(kind):
                program, *_ = self.on_part("core", kind)
                symbols = symbols_of(program)
                self.assertIn("hawser::connection::write_frame", symbols)
                self.assertEqual([line for line in symbols.splitlines()
                                  if re.search(r"http|json|\burls?\b|hawser::messages|datagram_socket", line,
                                               re.IGNORECASE)], [])
                self.assertNotIn("libboost", must("readelf", "-d", program))

    def test_the_version_is_one_everywhere(self):
        (version,) = re.findall(r'^#define HAWSER_VERSION_STRING "(.*)"',
                                (ROOT / "lib/include/hawser/version.hpp").read_text(), re.MULTILINE)
        for kind in ("static", "shared"):
            for package in ("hawser", *(f"hawser-{part}" for part in PARTS)):
                with self.subTest(package, kind=kind):
                    self.assertEqual(must("pkg-config", "--modversion", package, env={
                        **os.environ, "PKG_CONFIG_PATH": str(FOLDER / kind / "lib/pkgconfig")}).strip(), version)
        self.assertTrue((FOLDER / f"shared/lib/libhawser.so.{version}").exists())

    def test_another_version_of_boost_does_not_link(self):
        folder = FOLDER / "boost"
        (folder / "other/boost").mkdir(parents=True)
        (folder / "other/boost/version.hpp").write_text(BOOST_MISMATCH)
        (folder / "main.cpp").write_text(VERSIONS)
        for kind in ("static", "shared"):
            tree = FOLDER / kind

            def build(*flags):
                must("sh", "-c", f"{CXX} -std=c++20 {' '.join(flags)} main.cpp $(pkg-config --cflags --libs hawser-core) "
                     f"-Wl,--gc-sections -Wl,-rpath,{tree / 'lib'} -o main", cwd=folder,
                     env={**os.environ, "PKG_CONFIG_PATH": str(tree / "lib/pkgconfig")})

            with self.subTest(kind):
                build()
                must(folder / "main")
                with self.assertRaisesRegex(AssertionError,
                                            "undefined reference to .*library_compiled_with_boost<999900>"):
                    build("-isystem", "other")

    def test_a_component_or_version_that_is_not_there_is_refused(self):
        for name, call, words in (
            ("component", "hawser REQUIRED COMPONENTS no_such_part", "hawser::no_such_part is not installed"),
            ("next-minor", "hawser 0.2 REQUIRED", r"compatible\s+with requested version"),
        ):
            with self.subTest(name):
                source = FOLDER / f"refused-{name}"
                source.mkdir()
                (source / "CMakeLists.txt").write_text(
                    f"cmake_minimum_required(VERSION 3.25)\nproject(x LANGUAGES CXX)\nfind_package({call})\n")
                with self.assertRaisesRegex(AssertionError, words):
                    cmake("-S", source, "-B", source / "build", *TOOLS, f"-DCMAKE_PREFIX_PATH={FOLDER / 'static'}")

    def test_what_is_installed(self):
        headers = {path.relative_to(ROOT / "lib/include") for path in (ROOT / "lib/include").rglob("*.hpp")}
        for kind in ("static", "shared"):
            with self.subTest(kind):
                tree = FOLDER / kind
                kit = set() if kind == "static" else {h for h in headers if h.is_relative_to("hawser/test")}
                self.assertEqual({path.relative_to(tree / "include") for path in tree.rglob("*.hpp")}, headers - kit)
                self.assertFalse((tree / "bin").exists())
                for text in [*tree.rglob("*.cmake"), *tree.rglob("*.pc")]:
                    for path in (ROOT, FOLDER, "/usr/"):
                        self.assertNotIn(str(path), text.read_text(), text)

    def test_the_shared_library_exports_what_the_headers_declare(self):
        text = "".join(path.read_text() for path in sorted((ROOT / "lib/include").rglob("*.hpp")))
        declared = set(re.findall(r"[~\w]+", text))
        allowed = {"hawser::detail::" + line.split(": ", 1)[0]
                   for line in (HERE / "exported.txt").read_text().splitlines() if not line.startswith("#")}
        names = exported(FOLDER / "shared/lib/libhawser.so")
        detail = {name for name in names if "::detail::" in name or "::impl::" in name}
        self.assertEqual(detail, allowed)
        for name in sorted(names - detail):
            self.assertTrue({word for word in re.findall(r"[~\w]+", name.split("hawser::", 1)[1])} <= declared, name)

    def test_all_that_is_public_is_exported(self):
        parts = [f"libhawser_{part}" for part in PARTS]
        for library, archives in (("libhawser", parts), ("libhawser_admin", ["libhawser_admin"])):
            with self.subTest(library):
                static = symbols_of("--defined-only", *(FOLDER / f"static/lib/{name}.a" for name in archives))
                public = {re.sub(r"\[abi:\w+\]", "", line[19:]).split("(", 1)[0] for line in static.splitlines()
                          if re.match(r".{17}[TRVB] (\w+ (for|to) )*hawser::", line)}
                hidden = {name for name in public if not re.search(r"::(detail|impl)\b|::\w+_impl\b|\[clone", name)}
                self.assertEqual(hidden - exported(FOLDER / f"shared/lib/{library}.so"), set())

    def test_a_flag_that_leaks_is_seen(self):
        self.assertEqual(inherited("c++ -DX -isystem /a -I/b -g -std=gnu++20 -Wall -fno-rtti -o m.o -c m.cpp", "-O1 -g"),
                         ["-DX", "-Wall", "-fno-rtti"])


if __name__ == "__main__":
    unittest.main()
