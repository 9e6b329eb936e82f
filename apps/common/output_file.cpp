// SPDX-License-Identifier: BSL-1.0
#include "common/output_file.hpp"

#include "common/program.hpp"

#include <hawser/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace app {
namespace {

// What a signal handler removes; its text is not changed while it is here.
std::atomic<const char*> unfinished{nullptr};
static_assert(std::atomic<const char*>::is_always_lock_free);

[[noreturn]] void fail(const std::string& name, int error)
{
    const hawser::error_code code{error, boost::system::system_category()};
    throw failure{name + ": " + hawser::symbol(code) + " (" + code.message() + ')'};
}

extern "C" void ended_by(int signal)
{
    remove_unfinished();
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

// As any program would have created it.
mode_t usual_mode()
{
    const mode_t mask = ::umask(0);
    ::umask(mask);
    return 0666 & ~mask;
}

} // namespace

void write_all(int descriptor, hawser::bytes_view bytes, const std::string& name)
{
    while (!bytes.empty()) {
        const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
        if (n >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) { // whoever started this shares a descriptor that does not block
            pollfd writable{.fd = descriptor, .events = POLLOUT, .revents = 0};
            ::poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            fail(name, errno);
        }
    }
}

void remove_unfinished() noexcept
{
    if (const char* path = unfinished.exchange(nullptr))
        ::unlink(path);
}

output_file::output_file(const std::string& name) : name_{name}
{
    struct stat there {};
    if (::stat(name.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
        descriptor_ = ::open(name.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (descriptor_ < 0)
            fail(name_, errno);
        return;
    }
    create();
}

void output_file::create()
{
    std::error_code error;
    std::filesystem::path at{name_};
    if (std::filesystem::is_symlink(at, error)) {
        at = std::filesystem::weakly_canonical(at, error);
        if (error)
            fail(name_, error.value());
    }
    if (!at.has_filename())
        fail(name_, EISDIR);
    temporary_ = (at.parent_path() / ".https_get-XXXXXX").string();
    descriptor_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
    if (descriptor_ < 0)
        fail(name_, errno);
    unfinished = temporary_.c_str();
    std::signal(SIGTERM, ended_by);
    std::signal(SIGHUP, ended_by);
    ::fchmod(descriptor_, usual_mode());
    target_ = at.string();
}

output_file::~output_file()
{
    if (descriptor_ >= 0)
        ::close(descriptor_);
    remove_unfinished();
}

void output_file::keep()
{
    const int done = std::exchange(descriptor_, -1);
    const bool written = temporary_.empty() || ::fsync(done) == 0;
    const int error = errno;
    if (::close(done) != 0 || !written)
        fail(name_, written ? errno : error);
    if (temporary_.empty())
        return;
    if (::rename(temporary_.c_str(), target_.c_str()) != 0)
        fail(name_, errno);
    unfinished = nullptr;
}

} // namespace app
