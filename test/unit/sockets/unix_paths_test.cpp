// SPDX-License-Identifier: BSL-1.0

// The file of a Unix socket: its mode from the first moment on, and which of several servers gets its path.
#include "sockets/listening_socket.hpp"

#include "temporary_folder.hpp"
#include "thrown.hpp"

#define BOOST_TEST_MODULE unix_paths
#include <boost/test/unit_test.hpp>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <barrier>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

using namespace hawser;
using namespace hawser::detail;
using namespace hawser::test;

namespace {

unsigned mode_of(const std::string& path)
{
    struct stat file {};
    return ::lstat(path.c_str(), &file) == 0 ? file.st_mode & 07777U : ~0U;
}

thread_local unsigned first_mode = ~0U; // of the file that was bound last, at once

} // namespace

extern "C" int bind(int fd, const sockaddr* at, socklen_t size) noexcept
{
    static const auto real = reinterpret_cast<int (*)(int, const sockaddr*, socklen_t)>(::dlsym(RTLD_NEXT, "bind"));
    const int result = real(fd, at, size);
    if (result == 0 && at->sa_family == AF_UNIX)
        first_mode = mode_of(reinterpret_cast<const sockaddr_un*>(at)->sun_path);
    return result;
}

BOOST_AUTO_TEST_CASE(the_file_of_a_socket_never_has_more_rights_than_its_mode)
{
    const temporary_folder folder;
    const std::string path = folder.path("socket");
    const ::mode_t umask_before = ::umask(022);
    for (const unsigned mode : {0600U, 0660U, 0666U, 0400U}) {
        first_mode = ~0U;
        const auto bound = bind_all("unix:" + path, {.unix_permissions = mode});
        BOOST_TEST(first_mode == (mode & ~022U));
        BOOST_TEST(mode_of(path) == mode);
    }
    {
        const auto bound = bind_all("unix:" + path, {});
        BOOST_TEST(first_mode == 0755U);
        BOOST_TEST(mode_of(path) == 0755U);
    }
    ::umask(umask_before);
}

// ---- Whose the path is

namespace {

using sockets = std::vector<listening_socket>;

const sockaddr* in(sockaddr_un& at, const std::string& path)
{
    at = {};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    return reinterpret_cast<const sockaddr*>(&at);
}

bool takes_connections(const std::string& path)
{
    sockaddr_un at;
    const descriptor client{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    return ::connect(client.get(), in(at, path), sizeof at) == 0;
}

// The file of a server that was killed.
void leave_stale(const std::string& path)
{
    sockaddr_un at;
    const descriptor gone{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    BOOST_REQUIRE_EQUAL(::bind(gone.get(), in(at, path), sizeof at), 0);
}

std::string bind_and_say(const std::string& path, sockets& bound)
{
    const std::string words = thrown_by([&] { bound = bind_all("unix:" + path, {}); });
    return words.substr(0, words.find(':'));
}

// What became of those who began together, so many times.
struct race_results {
    int one_winner = 0;
    int served = 0; // by the winner, at the path
    std::string first_other;
};

race_results race_for(const std::string& path, std::size_t contenders, int rounds, bool with_stale)
{
    race_results results;
    std::vector<sockets> bound(contenders);
    std::vector<std::string> said(contenders);
    std::barrier begin{static_cast<std::ptrdiff_t>(contenders) + 1};
    std::barrier end{static_cast<std::ptrdiff_t>(contenders) + 1};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < contenders; ++i)
        threads.emplace_back([&, i] {
            for (int round = 0; round < rounds; ++round) {
                begin.arrive_and_wait();
                said[i] = bind_and_say(path, bound[i]);
                end.arrive_and_wait();
            }
        });
    for (int round = 0; round < rounds; ++round) {
        if (with_stale)
            leave_stale(path);
        begin.arrive_and_wait();
        end.arrive_and_wait();
        const auto winners = std::count(said.begin(), said.end(), "nothing");
        const auto refused = std::count(said.begin(), said.end(), "EADDRINUSE");
        for (sockets& s : bound)
            if (!s.empty())
                s.front().listen();
        if (winners == 1 && refused + 1 == static_cast<std::ptrdiff_t>(contenders))
            ++results.one_winner;
        else if (results.first_other.empty())
            results.first_other = std::to_string(winners) + " winners";
        results.served += takes_connections(path) ? 1 : 0;
        for (sockets& s : bound)
            s.clear();
        ::unlink(path.c_str());
    }
    for (std::thread& t : threads)
        t.join();
    return results;
}

} // namespace

BOOST_AUTO_TEST_CASE(of_servers_that_begin_together_exactly_one_gets_the_path)
{
    constexpr int rounds = 1000;
    const temporary_folder folder;
    const std::string path = folder.path("socket");
    for (const bool stale : {false, true}) {
        const race_results of_two = race_for(path, 2, rounds, stale);
        BOOST_TEST(of_two.one_winner == rounds, of_two.one_winner << ", else " << of_two.first_other);
        BOOST_TEST(of_two.served == rounds);
        const race_results of_four = race_for(path, 4, rounds / 4, stale);
        BOOST_TEST(of_four.one_winner == rounds / 4, of_four.one_winner << ", else " << of_four.first_other);
        BOOST_TEST(of_four.served == rounds / 4);
    }
}

BOOST_AUTO_TEST_CASE(a_socket_that_is_bound_and_does_not_listen_yet_keeps_its_path)
{
    const temporary_folder folder;
    const std::string path = folder.path("socket");
    sockets first = bind_all("unix:" + path, {});
    sockets second;
    BOOST_TEST(bind_and_say(path, second) == "EADDRINUSE");
    first.front().listen();
    BOOST_TEST(bind_and_say(path, second) == "EADDRINUSE");
    address peer;
    BOOST_TEST(first.front().accept(peer) < 0); // it was not connected to in order to find out
    BOOST_TEST(takes_connections(path));
    first.clear();
    BOOST_TEST(bind_and_say(path, second) == "nothing");
}

BOOST_AUTO_TEST_CASE(a_stale_file_is_replaced_and_any_other_is_left_alone)
{
    const temporary_folder folder;
    const std::string path = folder.path("socket");
    sockets bound;
    leave_stale(path);
    BOOST_TEST(bind_and_say(path, bound) == "nothing");
    bound.clear();
    std::ofstream{path} << "precious";
    BOOST_TEST(bind_and_say(path, bound) == "ENOTSOCK");
    BOOST_TEST(std::filesystem::file_size(path) == 8u);
    std::filesystem::remove(path);
    std::filesystem::create_symlink("nowhere", path);
    BOOST_TEST(bind_and_say(path, bound) == "ENOTSOCK");
    BOOST_TEST(std::filesystem::is_symlink(path));
}

BOOST_AUTO_TEST_CASE(whoever_needs_no_lock_of_the_folder_does_not_wait_for_it)
{
    const temporary_folder folder;
    const descriptor lock{::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    BOOST_REQUIRE_EQUAL(::flock(lock.get(), LOCK_EX), 0);
    const std::string path = folder.path("socket");
    sockets bound;
    sockets other;
    BOOST_TEST(bind_and_say(path, bound) == "nothing");
    BOOST_TEST(bind_and_say(path, other) == "EADDRINUSE");
    bound.clear();
    leave_stale(path);
    BOOST_TEST(bind_and_say(path, bound) == "EAGAIN"); // who holds it does not hold a start up for ever
}
