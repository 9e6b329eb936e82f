// Files from beneath a root, which each request opens anew: what the name leads to is decided by the kernel in one step
// (openat2 with RESOLVE_BENEATH), so that nobody can change it between a check and a use.
#include <hawser/http/files.hpp>
#include <hawser/http/writer.hpp>

#include "core.hpp"
#include "http_refusal.hpp"
#include "http_static.hpp"
#include "listening_socket.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <linux/openat2.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace hawser::http {
namespace detail {
namespace {

using hawser::detail::core;
using hawser::detail::core_access;
using hawser::detail::descriptor;

constexpr std::size_t piece_size = 16 * 1024;      // what waits for a slow reader is less than two of them
constexpr std::uint64_t most_at_once = 256 * 1024; // before others get their turn
constexpr int tries = 8;                           // of an open that a rename beneath the root got in the way of

struct found {
    descriptor file;
    struct ::stat facts {};
};

status refusal_of(int error) noexcept
{
    switch (error) {
    case EACCES:
    case EPERM:
    case ENXIO: // a socket, or a device that is not there
    case ENODEV: return status::forbidden;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN: return status::service_unavailable;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV: return status::not_found;
    default: return status::internal_server_error;
    }
}

[[noreturn]] void refuse(status code)
{
    throw status_error{code, std::string{reason(code)}};
}

// O_NONBLOCK: a FIFO without a writer must not keep the loop.
found open_beneath(int root, const std::string& name)
{
    open_how how{};
    how.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    long opened = -1;
    for (int i = 0; i < tries && opened < 0 && (i == 0 || errno == EAGAIN || errno == EINTR); ++i)
        opened = ::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how);
    if (opened < 0)
        refuse(refusal_of(errno));
    found f{descriptor{static_cast<int>(opened)}};
    if (::fstat(f.file.get(), &f.facts) != 0)
        refuse(refusal_of(errno));
    if (!S_ISREG(f.facts.st_mode) && !S_ISDIR(f.facts.st_mode))
        refuse(status::forbidden);
    return f;
}

std::string date(std::int64_t seconds)
{
    return std::string{date_cache{}.at(seconds)};
}

// Whether the client's copy is as new as the file (RFC 9110, section 13.1.3).
bool is_unmodified(const request& q, const struct ::stat& facts)
{
    if (q.find("If-None-Match"))
        return false;
    const auto field = q.find("If-Modified-Since");
    const auto since = field ? parse_date(*field) : std::nullopt;
    return since && facts.st_mtim.tv_sec <= *since;
}

// A range holds for the file that the client knows a part of; If-Range says which one.
bool wants_range(const request& q, const struct ::stat& facts)
{
    if (q.method() != method::get || !q.find("Range"))
        return false;
    const auto condition = q.find("If-Range");
    return !condition || parse_date(*condition) == facts.st_mtim.tv_sec;
}

// The bytes that are to be sent; sets status and fields.
byte_range choose(const request& q, response& r, const struct ::stat& facts)
{
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    r.set("Accept-Ranges", "bytes");
    if (!wants_range(q, facts))
        return {0, size};
    const auto chosen = read_range(*q.find("Range"), size);
    if (std::holds_alternative<std::monostate>(chosen))
        return {0, size};
    if (std::holds_alternative<status>(chosen)) {
        r.status(status::range_not_satisfiable);
        r.set("Content-Range", "bytes */" + std::to_string(size));
        return {0, 0};
    }
    const auto range = std::get<byte_range>(chosen);
    r.status(status::partial_content);
    r.set("Content-Range", "bytes " + std::to_string(range.first) + '-' + std::to_string(range.first + range.size - 1) +
                               '/' + std::to_string(size));
    return range;
}

// The next piece, in a buffer that the loop's files share: it is handed on before anything else runs.
bytes_view read_piece(int file, byte_range& left)
{
    static thread_local const auto buffer = std::make_unique<std::array<char, piece_size>>();
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left.size, piece_size));
    const ssize_t n = ::pread(file, buffer->data(), wanted, static_cast<off_t>(left.first));
    if (n < 0)
        throw std::system_error{errno, std::generic_category(), "a file that is being sent"};
    if (n == 0)
        throw std::length_error{"a file became shorter while it was sent"};
    left.first += static_cast<std::uint64_t>(n);
    left.size -= static_cast<std::uint64_t>(n);
    return {buffer->data(), static_cast<std::size_t>(n)};
}

awaitable<void> send_file(int file, byte_range left, response& r, hawser::connection& peer)
{
    core& c = core_access::get(peer);
    const std::size_t room = std::min(piece_size, c.configured().high_water);
    std::uint64_t at_once = 0;
    r.content_length(left.size);
    co_await r.write("");
    while (left.size > 0) {
        if (c.queued() >= room) // as long as less is queued, no write waits, and the shared buffer is free
            co_await c.flush();
        const bytes_view piece = read_piece(file, left);
        at_once += piece.size();
        co_await r.write(piece);
        if (at_once >= most_at_once) {
            at_once = 0;
            co_await boost::asio::post(c.on().context(), boost::asio::deferred);
        }
    }
}

// What the requests of one files() share.
struct tree {
    descriptor root;
    files_options options;
};

awaitable<void> answer(const tree& t, request& q, response& r)
{
    if (q.method() != method::get && q.method() != method::head) {
        r.status(status::method_not_allowed);
        r.set("Allow", "GET, HEAD");
        co_return co_await r.send();
    }
    const auto wanted = file_name(q.path(), t.options.dot_names);
    if (const status* refused = std::get_if<status>(&wanted))
        refuse(*refused);
    std::string name = std::get<std::string>(wanted);
    found f = open_beneath(t.root.get(), name);
    if (S_ISDIR(f.facts.st_mode)) {
        const bool moved = !name.ends_with('/');
        name += moved ? "/index.html" : "index.html";
        f = open_beneath(t.root.get(), name);
        if (!S_ISREG(f.facts.st_mode))
            refuse(status::not_found);
        if (moved) {
            r.status(status::moved_permanently);
            r.set("Location", std::string{q.path()} + '/');
            co_return co_await r.send();
        }
    }
    r.set("Last-Modified", date(f.facts.st_mtim.tv_sec));
    if (is_unmodified(q, f.facts)) {
        r.status(status::not_modified);
        co_return co_await r.send();
    }
    r.set("Content-Type", media_type(name));
    r.set("X-Content-Type-Options", "nosniff");
    const byte_range range = choose(q, r, f.facts);
    if (q.method() == method::head || range.size == 0) {
        r.content_length(range.size);
        co_return co_await r.send();
    }
    co_await send_file(f.file.get(), range, r, q.peer());
}

void validate(const files_options& o)
{
    for (const std::string& name : o.dot_names)
        if (!name.starts_with('.') || name == "." || name == ".." || name.find('/') != name.npos)
            throw std::invalid_argument{"files_options::dot_names: expected names that begin with a dot, got " +
                                        detail::quoted(name)};
}

} // namespace
} // namespace detail

handler files(const std::filesystem::path& root, const files_options& options)
{
    detail::validate(options);
    const int opened = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0)
        throw std::system_error{errno, std::generic_category(), root.string()};
    hawser::detail::descriptor held{opened};
    const auto shared = std::make_shared<const detail::tree>(detail::tree{std::move(held), options});
    return [shared](request& q, response& r) { return detail::answer(*shared, q, r); };
}

} // namespace hawser::http
