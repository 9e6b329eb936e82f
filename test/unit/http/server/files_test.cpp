// SPDX-License-Identifier: BSL-1.0

// Static files: which bytes are sent, and that nothing outside of the root ever is.
#include <hawser/http/files.hpp>

#include "scenario.hpp"
#include "temporary_folder.hpp"

#define BOOST_TEST_MODULE http_files
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

namespace fs = std::filesystem;

const std::string canary = "the canary outside of the root";

// A directory with a root in it, and a canary beside that.
class tree
{
public:
    tree()
    {
        write(top_.path() / "canary", canary);
        write(root() / "index.html", "index");
        write(root() / "a.txt", "0123456789");
        write(root() / "empty.txt", "");
        write(root() / "sub/index.html", "sub");
        fs::create_directory(root() / "bare");
    }

    fs::path root() const { return top_.path() / "root"; }

    static void write(const fs::path& where, const std::string& text)
    {
        fs::create_directories(where.parent_path());
        std::ofstream{where, std::ios::binary} << text;
    }

private:
    hawser::test::temporary_folder top_;
};

struct site : tree, server_scenario {
    site() : client{open(http::serve(http::files(root())))} {}

    std::string get(const std::string& target, const std::string& fields = "", const std::string& method = "GET")
    {
        client.send(method + ' ' + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
        std::string got = client.received();
        if (client.has_ended())
            client = open(http::serve(http::files(root())));
        return got;
    }
    int code(const std::string& target, const std::string& fields = "")
    {
        const std::string got = get(target, fields);
        return got.starts_with("HTTP/1.1 ") ? std::stoi(got.substr(9, 3)) : 0;
    }

    peer client;
};

std::string body(const std::string& response)
{
    return response.substr(response.find("\r\n\r\n") + 4);
}

std::string field(const std::string& response, const std::string& name)
{
    const std::size_t at = response.find("\r\n" + name + ": ");
    if (at == response.npos)
        return "(none)";
    const std::size_t begin = at + name.size() + 4;
    return response.substr(begin, response.find('\r', begin) - begin);
}

} // namespace

// ---- Files

BOOST_AUTO_TEST_CASE(a_file_is_sent_with_its_type_its_length_and_its_date)
{
    site s;
    const std::string got = s.get("/a.txt");
    BOOST_TEST(got.starts_with("HTTP/1.1 200 OK\r\n"));
    BOOST_TEST(field(got, "Content-Type") == "text/plain; charset=utf-8");
    BOOST_TEST(field(got, "Content-Length") == "10");
    BOOST_TEST(field(got, "Accept-Ranges") == "bytes");
    BOOST_TEST(field(got, "Last-Modified").ends_with(" GMT"));
    BOOST_TEST(body(got) == "0123456789");
    BOOST_TEST(body(s.get("/empty.txt")) == "");
    BOOST_TEST(s.code("/none.txt") == 404);
    BOOST_TEST(s.code("/a.txt/") == 404);
    BOOST_TEST(s.code("/a.txt/b") == 404);
    BOOST_TEST(s.code("/" + std::string(300, 'x')) == 404);
    BOOST_TEST(s.code("/" + std::string(5000, 'x')) == 404);
}

BOOST_AUTO_TEST_CASE(head_tells_what_get_would_send_and_other_methods_are_refused)
{
    site s;
    const std::string got = s.get("/a.txt", "", "HEAD");
    BOOST_TEST(field(got, "Content-Length") == "10");
    BOOST_TEST(body(got) == "");
    for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
        const std::string refused = s.get("/a.txt", "", method);
        BOOST_TEST(refused.starts_with("HTTP/1.1 405 "));
        BOOST_TEST(field(refused, "Allow") == "GET, HEAD");
    }
    BOOST_TEST(s.get("*", "", "OPTIONS").starts_with("HTTP/1.1 405 "));
}

BOOST_AUTO_TEST_CASE(a_directory_is_its_index_and_never_a_listing)
{
    site s;
    BOOST_TEST(body(s.get("/")) == "index");
    BOOST_TEST(body(s.get("/sub/")) == "sub");
    BOOST_TEST(field(s.get("/"), "Content-Type") == "text/html; charset=utf-8");
    const std::string moved = s.get("/sub?x=1");
    BOOST_TEST(moved.starts_with("HTTP/1.1 301 "));
    BOOST_TEST(field(moved, "Location") == "/sub/");
    BOOST_TEST(s.code("/bare") == 404);
    BOOST_TEST(s.code("/bare/") == 404);
}

BOOST_AUTO_TEST_CASE(a_copy_that_is_as_new_is_not_sent_again)
{
    site s;
    const std::string date = field(s.get("/a.txt"), "Last-Modified");
    const std::string same = s.get("/a.txt", "If-Modified-Since: " + date + "\r\n");
    BOOST_TEST(same.starts_with("HTTP/1.1 304 "));
    BOOST_TEST(body(same) == "");
    BOOST_TEST(field(same, "Last-Modified") == date);
    BOOST_TEST(s.code("/a.txt", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n") == 200);
    BOOST_TEST(s.code("/a.txt", "If-Modified-Since: yesterday\r\n") == 200);
    BOOST_TEST(s.code("/a.txt", "If-None-Match: \"x\"\r\nIf-Modified-Since: " + date + "\r\n") == 200);
}

BOOST_AUTO_TEST_CASE(a_range_is_sent_alone)
{
    site s;
    const std::string got = s.get("/a.txt", "Range: bytes=2-4\r\n");
    BOOST_TEST(got.starts_with("HTTP/1.1 206 Partial Content\r\n"));
    BOOST_TEST(field(got, "Content-Range") == "bytes 2-4/10");
    BOOST_TEST(field(got, "Content-Length") == "3");
    BOOST_TEST(body(got) == "234");
    const std::string refused = s.get("/a.txt", "Range: bytes=10-\r\n");
    BOOST_TEST(refused.starts_with("HTTP/1.1 416 "));
    BOOST_TEST(field(refused, "Content-Range") == "bytes */10");
    BOOST_TEST(body(refused) == "");
    const std::string date = field(s.get("/a.txt"), "Last-Modified");
    BOOST_TEST(s.code("/a.txt", "Range: bytes=2-4\r\nIf-Range: " + date + "\r\n") == 206);
    BOOST_TEST(s.code("/a.txt", "Range: bytes=2-4\r\nIf-Range: \"tag\"\r\n") == 200);
    BOOST_TEST(s.code("/a.txt", "Range: bytes=2-4\r\nIf-Range: Thu, 01 Jan 1970 00:00:00 GMT\r\n") == 200);
}

BOOST_AUTO_TEST_CASE(a_bomb_of_ranges_costs_less_than_the_file)
{
    site s;
    std::string ranges = "Range: bytes=0-";
    for (int i = 0; i < 1300; ++i)
        ranges += ",5-" + std::to_string(i);
    const std::string got = s.get("/a.txt", ranges + "\r\n");
    BOOST_TEST(got.starts_with("HTTP/1.1 416 "));
    BOOST_TEST(body(got) == "");
}

BOOST_AUTO_TEST_CASE(a_large_file_arrives_whole_through_a_narrow_pipe)
{
    site s;
    std::string large;
    for (int i = 0; i < 60'000; ++i)
        large += std::to_string(i) + '\n';
    s.write(s.root() / "large", large);
    s.client.capacity(7'000);
    s.client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    std::string got;
    for (std::string piece = s.client.received(); !piece.empty(); piece = s.client.received()) {
        got += piece;
        s.poll();
    }
    const std::string first = body(got);
    BOOST_TEST((first.substr(0, large.size()) == large));
    BOOST_TEST(body(first.substr(large.size())) == "0123456789");
}

// ---- What must not be served

BOOST_AUTO_TEST_CASE(no_spelling_of_a_path_leads_out_of_the_root)
{
    site s;
    fs::create_symlink(s.root().parent_path() / "canary", s.root() / "absolute");
    fs::create_symlink("../canary", s.root() / "relative");
    fs::create_symlink("..", s.root() / "up");
    fs::create_symlink("/", s.root() / "slash");
    const std::vector<std::string> dots{"..",           "%2e%2e", "%2E.",   ".%2e", "%252e%252e",   "..;",
                                        "..%00",        "..%2f",  "..%5c",  "..\\", "%c0%ae%c0%ae", "%e0%80%ae.",
                                        "%uff0e%uff0e", "....",   ".../..", ".",    "%2e",          "..%ef%bc%8f",
                                        "..%c0%af",     "up"};
    const std::vector<std::string> slashes{"/", "//", "/./", "%2f", "%5c", "\\", "%c0%af", "%252f", "/%2e/", ";/"};
    const std::vector<std::string> begins{
        "/", "//", "/sub/", "/sub/index.html/", "/C:/", "/" + std::string(4000, 'x') + "/"};
    std::size_t variants = 0;
    const auto ask = [&](const std::string& target) {
        const std::string got = s.get(target);
        BOOST_TEST_CONTEXT(target)
        {
            BOOST_TEST(got.find(canary) == got.npos);
            const bool refused = got.starts_with("HTTP/1.1 400 ") || got.starts_with("HTTP/1.1 404 ") ||
                                 got.starts_with("HTTP/1.1 414 ");
            BOOST_TEST(refused);
        }
        ++variants;
    };
    for (const auto& begin : begins)
        for (const auto& dot : dots)
            for (const auto& slash : slashes)
                for (const char* end : {"canary", "root/../canary"})
                    ask(begin + dot + slash + end);
    for (const char* target :
         {"/absolute", "/relative", "/up/canary", "/slash/etc/passwd", "/etc/passwd", "/proc/self/root/etc",
          "http://a/../canary", "/relative/", "/%", "/..", "/../", "/../../../../../../etc/passwd"})
        ask(target);
    ask("/" + (s.root().parent_path() / "canary").string());
    BOOST_TEST(variants >= 1000u);
    BOOST_TEST(body(s.get("/a.txt")) == "0123456789");
}

BOOST_AUTO_TEST_CASE(a_link_that_stays_beneath_the_root_is_followed)
{
    site s;
    fs::create_symlink("../a.txt", s.root() / "sub/link");
    BOOST_TEST(body(s.get("/sub/link")) == "0123456789");
    fs::create_symlink("loop", s.root() / "loop");
    BOOST_TEST(s.code("/loop") == 404);
    fs::create_symlink("/proc/self/fd/0", s.root() / "magic");
    BOOST_TEST(s.code("/magic") == 404);
}

BOOST_AUTO_TEST_CASE(what_is_neither_file_nor_directory_is_forbidden_at_once)
{
    site s;
    BOOST_REQUIRE(::mkfifo((s.root() / "fifo").c_str(), 0666) == 0);
    const int listening = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    const std::string name = (s.root() / "socket").string();
    BOOST_REQUIRE(name.size() < sizeof where.sun_path);
    name.copy(where.sun_path, name.size());
    BOOST_REQUIRE(::bind(listening, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
    BOOST_TEST(s.code("/fifo") == 403);
    BOOST_TEST(s.code("/socket") == 403);
    ::close(listening);
}

BOOST_AUTO_TEST_CASE(a_name_that_begins_with_a_dot_is_not_there)
{
    site s;
    s.write(s.root() / ".env", "secret");
    s.write(s.root() / ".git/config", "secret");
    s.write(s.root() / ".git/index.html", "secret");
    s.write(s.root() / "sub/.env", "secret");
    s.write(s.root() / "sub/.d/x", "secret");
    s.write(s.root() / "...", "secret");
    s.write(s.root() / "..a", "secret");
    for (const char* target :
         {"/.env",        "/%2eenv",        "/%2Eenv",    "/.env?x",     "/.git",        "/.git/",  "/%2egit/",
          "/.git/config", "/%2Egit/config", "/sub/.env",  "/sub/%2eenv", "/sub/.d/x",    "/sub/.d", "/sub/.d/",
          "/...",         "/..a",           "/%2e%2e%2e", "/.none",      "/sub/../.env", "/./.env"})
        for (const char* method : {"GET", "HEAD"}) {
            const std::string got = s.get(target, "", method);
            BOOST_TEST_CONTEXT(method << ' ' << target)
            {
                BOOST_TEST(got.starts_with("HTTP/1.1 404 "));
                BOOST_TEST(got.find("secret") == got.npos);
                BOOST_TEST(got.find("Location") == got.npos);
            }
        }
    BOOST_TEST(body(s.get("/a.txt")) == "0123456789");
}

BOOST_AUTO_TEST_CASE(names_that_begin_with_a_dot_are_served_where_an_option_names_them)
{
    site s;
    s.write(s.root() / ".well-known/acme", "token");
    s.write(s.root() / ".well-known/index.html", "known");
    s.write(s.root() / ".well-known/.env", "secret");
    s.write(s.root() / ".env", "secret");
    const http::files_options options{.dot_names = {".well-known"}};
    s.client = s.open(http::serve(http::files(s.root(), options)));
    BOOST_TEST(body(s.get("/.well-known/acme")) == "token");
    BOOST_TEST(body(s.get("/.well-known/")) == "known");
    BOOST_TEST(field(s.get("/.well-known"), "Location") == "/.well-known/");
    BOOST_TEST(s.code("/.well-known/.env") == 404);
    BOOST_TEST(s.code("/.env") == 404);
}

BOOST_AUTO_TEST_CASE(an_option_that_names_no_name_with_a_dot_is_refused)
{
    const tree t;
    for (const std::string name : {"", ".", "..", "a", "a/.b", ".a/b", "/.a"}) {
        std::string words;
        try {
            http::files(t.root(), {.dot_names = {name}});
        } catch (const std::invalid_argument& e) {
            words = e.what();
        }
        BOOST_TEST(words == "files_options::dot_names: expected names that begin with a dot, got \"" + name + "\"");
    }
}

BOOST_AUTO_TEST_CASE(a_root_that_is_no_directory_is_refused_by_name)
{
    const tree t;
    for (const fs::path& root : {t.root() / "none", t.root() / "a.txt"}) {
        std::string words;
        try {
            http::files(root);
        } catch (const hawser::error& e) {
            words = e.what();
        }
        BOOST_TEST(words.find(root.string()) != words.npos);
    }
}

// ---- Files that change while they are sent

namespace {

// Takes the rest of a response after its beginning, which is so far in the client's hands.
std::string rest(site& s)
{
    std::string got;
    for (std::string piece = s.client.received(); !piece.empty(); piece = s.client.received()) {
        got += piece;
        s.poll();
    }
    return got;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_file_that_becomes_shorter_resets_the_connection)
{
    site s;
    s.write(s.root() / "large", std::string(1'000'000, 'x'));
    s.client.capacity(1'000);
    s.client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    fs::resize_file(s.root() / "large", 500'000);
    const std::string got = rest(s);
    BOOST_TEST(body(got).size() <= 500'000u);
    s.steps(10ms, 5ms);
    BOOST_TEST(s.client.was_reset());
    BOOST_TEST(s.last_end() == "threw: a file became shorter while it was sent");
}

BOOST_AUTO_TEST_CASE(a_file_that_grows_or_is_replaced_is_sent_as_long_as_it_was)
{
    for (const bool replaced : {false, true}) {
        site s;
        s.write(s.root() / "large", std::string(1'000'000, 'x'));
        s.client.capacity(1'000);
        s.client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        if (replaced) {
            s.write(s.root() / "other", std::string(2'000'000, 'y'));
            fs::rename(s.root() / "other", s.root() / "large");
        } else {
            fs::resize_file(s.root() / "large", 2'000'000);
        }
        BOOST_TEST((body(rest(s)) == std::string(1'000'000, 'x')));
        BOOST_TEST(!s.client.has_ended());
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_was_not_held_open_is_sent_as_long_as_it_is_the_same)
{
    const http::files_options options{.max_held_open = 0};
    const auto begin = [&](site& s) {
        s.write(s.root() / "large", std::string(1'000'000, 'x'));
        s.client = s.open(http::serve(http::files(s.root(), options)));
        s.client.capacity(1'000);
        s.client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    };
    {
        site s;
        begin(s);
        fs::resize_file(s.root() / "large", 2'000'000);
        BOOST_TEST((body(rest(s)) == std::string(1'000'000, 'x')));
        BOOST_TEST(!s.client.has_ended());
    }
    {
        site s;
        begin(s);
        s.write(s.root() / "other", std::string(1'000'000, 'y'));
        fs::rename(s.root() / "other", s.root() / "large");
        BOOST_TEST(body(rest(s)).find('y') == std::string::npos);
        s.steps(10ms, 5ms); // until what came before is seen to have arrived
        BOOST_TEST(s.client.was_reset());
        BOOST_TEST(s.last_end() == "threw: a file was replaced while it was sent");
    }
    {
        site s;
        begin(s);
        fs::remove(s.root() / "large");
        rest(s);
        s.steps(10ms, 5ms);
        BOOST_TEST(s.client.was_reset());
        BOOST_TEST(s.last_end() == "threw: a file that is being sent cannot be opened again: Not Found");
    }
}

// ---- Descriptors

namespace {

std::size_t open_descriptors()
{
    const auto all = fs::directory_iterator{"/proc/self/fd"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

} // namespace

BOOST_AUTO_TEST_CASE(slow_readers_hold_few_files_open_and_get_them_whole)
{
    site s;
    const std::string large(200'000, 'x');
    s.write(s.root() / "large", large);
    const std::size_t before = open_descriptors();
    const session_handler handler = http::serve(http::files(s.root()));
    std::vector<peer> readers;
    for (int i = 0; i < 100; ++i) {
        readers.push_back(s.open(handler));
        readers.back().capacity(1'000);
        readers.back().send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        BOOST_TEST(readers.back().waiting() > 0u);
    }
    BOOST_TEST(open_descriptors() - before <= 1 + 16u); // the root's
    for (peer& each : readers) {
        each.capacity(1'000'000);
        std::string got;
        for (std::string piece = each.received(); !piece.empty(); piece = each.received())
            got += piece;
        BOOST_TEST((body(got) == large));
    }
    BOOST_TEST(open_descriptors() - before <= 1u);
}

BOOST_AUTO_TEST_CASE(no_file_waits_open_for_a_slow_reader_that_gets_nothing_of_it)
{
    site s;
    s.write(s.root() / "large", std::string(200'000, 'x'));
    const std::size_t before = open_descriptors();
    const session_handler handler = http::serve(http::files(s.root()));
    std::vector<peer> readers;
    std::string many;
    for (int i = 0; i < 4000; ++i)
        many += "HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n";
    for (int i = 0; i < 40; ++i) {
        readers.push_back(s.open(handler));
        readers.back().capacity(1'000);
        readers.back().send(many);
    }
    BOOST_TEST(open_descriptors() - before <= 1u);
}

// The files of a loop are read into one buffer.
BOOST_AUTO_TEST_CASE(while_there_is_no_descriptor_for_a_file_the_client_is_asked_to_come_again)
{
    site run;
    rlimit before{};
    BOOST_REQUIRE_EQUAL(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(next);
    const rlimit none_left{static_cast<rlim_t>(next), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none_left);
    const std::string busy = run.get("/a.txt");
    const std::string head = run.get("/a.txt", "", "HEAD");
    const std::string absent = run.get("/../a.txt");
    ::setrlimit(RLIMIT_NOFILE, &before);
    for (const std::string& told : {busy, head}) {
        BOOST_TEST(told.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
        BOOST_TEST(told.find("\r\nRetry-After: 1\r\n") != told.npos);
        BOOST_TEST(told.find("\r\nContent-Length: 20\r\n") != told.npos);
    }
    BOOST_TEST(body(busy) == "Service Unavailable\n");
    BOOST_TEST(body(head) == "");
    BOOST_TEST(absent.starts_with("HTTP/1.1 404 "));
    BOOST_TEST(absent.find("Retry-After") == absent.npos);
    BOOST_TEST(run.code("/a.txt") == 200); // on the same connection
}

BOOST_AUTO_TEST_CASE(with_little_room_for_output_nobody_gets_bytes_of_anothers_file)
{
    for (const std::size_t mark : {1U, 100U, 200U, 300U, 1'000U, 16'000U}) {
        tree files;
        tree::write(files.root() / "x", std::string(5'000, 'x'));
        tree::write(files.root() / "y", std::string(5'000, 'y'));
        server_scenario run{{.limits = {.output_high_water = mark, .output_low_water = mark / 2}}};
        const auto handler = http::serve(http::files(files.root()));
        peer slow = run.open(handler);
        slow.capacity(1);
        slow.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
        peer quick = run.open(handler);
        quick.send("GET /y HTTP/1.1\r\nHost: a\r\n\r\n");
        std::string got;
        for (std::string piece = slow.received(); !piece.empty(); piece = slow.received())
            got += piece;
        BOOST_TEST_CONTEXT("high-water mark " << mark)
        {
            BOOST_TEST((body(got) == std::string(5'000, 'x')));
        }
    }
}
