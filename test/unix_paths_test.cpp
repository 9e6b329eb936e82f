// The file of a Unix socket: its mode from the first moment on, and which of several servers gets its path.
#include "listening_socket.hpp"

#include "temporary_folder.hpp"
#include "thrown.hpp"

#define BOOST_TEST_MODULE unix_paths
#include <boost/test/unit_test.hpp>

#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <string>

using namespace hawser;
using namespace hawser::detail;
using namespace hawser::test;

namespace {

unsigned mode_of(const std::string& path)
{
    struct stat file {};
    return ::lstat(path.c_str(), &file) == 0 ? file.st_mode & 07777U : ~0U;
}

unsigned first_mode = ~0U; // of the file that was bound last, at once

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
        const auto bound = bind_all("unix:" + path, {.mode = mode});
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
