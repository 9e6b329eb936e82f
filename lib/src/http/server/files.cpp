// SPDX-License-Identifier: BSL-1.0

// Files from beneath a root, which each request opens anew: which one, what of it, and how it goes out.
#include <hawser/connection.hpp>
#include <hawser/http/files.hpp>
#include <hawser/http/writer.hpp>

#include "http/server/file_request.hpp"
#include "http/server/open_file.hpp"
#include "loop/descriptor_watch.hpp"
#include "loop/loop.hpp"
#include "values/system_call.hpp"
#include "values/text.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace hawser::inline v0_1::http {
namespace detail {
namespace {

using hawser::detail::loop;
using hawser::detail::loop_of;

constexpr std::size_t piece_size = 16 * 1024;      // what waits for a slow reader is less than two of them
constexpr std::uint64_t most_at_once = 256 * 1024; // before others get their turn

std::string date(std::int64_t seconds)
{
    return std::string{date_cache{}.at(seconds)};
}

// Whether the client's copy is as new as the file (RFC 9110, section 13.1.3).
bool is_unmodified(const request& q, const struct ::statx& facts)
{
    if (q.find("If-None-Match"))
        return false;
    const auto field = q.find("If-Modified-Since");
    const auto since = field ? parse_date(*field) : std::nullopt;
    return since && facts.stx_mtime.tv_sec <= *since;
}

// A range holds for the file that the client knows a part of; If-Range says which one.
bool wants_range(const request& q, const struct ::statx& facts)
{
    if (q.method() != method::get || !q.find("Range"))
        return false;
    const auto condition = q.find("If-Range");
    return !condition || parse_date(*condition) == facts.stx_mtime.tv_sec;
}

// The bytes that are to be sent; sets status and fields.
byte_range choose_range(const request& q, response& r, const struct ::statx& facts)
{
    const std::uint64_t size = facts.stx_size;
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
        throw std::system_error{errno, std::generic_category(), "a file that is being sent"}; // not the connection
    if (n == 0)
        throw std::length_error{"a file became shorter while it was sent"};
    left.first += static_cast<std::uint64_t>(n);
    left.size -= static_cast<std::uint64_t>(n);
    return {buffer->data(), static_cast<std::size_t>(n)};
}

// Whoever waits for a descriptor is told of each that is closed.
void before_wait(open_file& file, loop& on)
{
    if (file.before_wait())
        on.descriptors->freed();
}

// Then no write waits, and the shared buffer is free again when it returns.
bool has_room(const connection& peer)
{
    return peer.queued() < piece_size && peer.has_room();
}

awaitable<void> send_file(open_file& file, byte_range left, response& r, connection& peer)
{
    loop& on = loop_of(peer.get_executor());
    std::uint64_t at_once = 0;
    r.content_length(left.size);
    if (!has_room(peer)) {
        before_wait(file, on);
        co_await peer.flush();
    }
    file.descriptor(); // before the head: what throws here is still answered for
    co_await r.write("");
    while (left.size > 0) {
        if (!has_room(peer)) {
            before_wait(file, on);
            co_await peer.flush();
        }
        const bytes_view piece = read_piece(file.descriptor(), left);
        at_once += piece.size();
        co_await r.write(piece);
        if (at_once >= most_at_once) {
            at_once = 0;
            before_wait(file, on);
            co_await boost::asio::post(on.context(), boost::asio::deferred);
        }
    }
}

// What the requests of one files() share.
struct site {
    site(hawser::detail::descriptor root, const files_options& o) : tree{std::move(root), o.max_held_open}, options{o}
    {}

    file_tree tree;
    const files_options options;
};

// Of what is asked for, what is to be sent.
struct chosen {
    open_file file;
    byte_range range;
};

// Sets status and fields. Nothing: the head alone is to be sent, and no file waits open for that.
std::optional<chosen> choose(site& s, const request& q, response& r)
{
    if (q.method() != method::get && q.method() != method::head) {
        r.status(status::method_not_allowed);
        r.set("Allow", "GET, HEAD");
        return std::nullopt;
    }
    const auto wanted = file_name(q.path(), s.options.dot_names);
    if (const status* refused = std::get_if<status>(&wanted))
        refuse(*refused);
    std::string name = std::get<std::string>(wanted);
    open_file file = s.tree.open(name);
    if (file.is_directory()) {
        const bool moved = !name.ends_with('/');
        name += moved ? "/index.html" : "index.html";
        file = s.tree.open(name);
        if (file.is_directory())
            refuse(status::not_found);
        if (moved) {
            r.status(status::moved_permanently);
            r.set("Location", std::string{q.path()} + '/');
            return std::nullopt;
        }
    }
    r.set("Last-Modified", date(file.facts().stx_mtime.tv_sec));
    if (is_unmodified(q, file.facts())) {
        r.status(status::not_modified);
        return std::nullopt;
    }
    r.set("Content-Type", media_type(name));
    r.set("X-Content-Type-Options", "nosniff");
    const byte_range range = choose_range(q, r, file.facts());
    if (q.method() == method::head || range.size == 0) {
        r.content_length(range.size);
        return std::nullopt;
    }
    return chosen{std::move(file), range};
}

// There is no descriptor for it now, and may be one soon.
void ask_to_come_again(response& r)
{
    r.status(status::service_unavailable);
    r.set("Content-Type", "text/plain");
    r.set("Retry-After", "1"); // in seconds (RFC 9110, section 10.2.3)
}

awaitable<void> answer(site& s, request& q, response& r)
{
    std::optional<chosen> what;
    bool busy = false;
    try {
        what = choose(s, q, r);
    } catch (const status_error& e) {
        busy = e.code() == status::service_unavailable;
        if (!busy)
            throw;
    }
    if (busy) {
        ask_to_come_again(r);
        co_return co_await r.send("Service Unavailable\n");
    }
    if (what)
        co_await send_file(what->file, what->range, r, q.peer());
    what.reset();
    loop_of(q.peer().get_executor()).descriptors->freed();
    if (!r.sent())
        co_await r.send();
}

void validate(const files_options& o)
{
    for (const std::string& name : o.dot_names)
        if (!name.starts_with('.') || name == "." || name == ".." || name.find('/') != name.npos)
            throw std::invalid_argument{"files_options::dot_names: expected names that begin with a dot, got " +
                                        hawser::detail::quoted(name)};
}

} // namespace
} // namespace detail

handler files(const std::filesystem::path& root, const files_options& options)
{
    detail::validate(options);
    const int opened = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0)
        hawser::detail::throw_failed(root.c_str(), hawser::detail::last_error());
    hawser::detail::descriptor held{opened};
    const auto shared = std::make_shared<detail::site>(std::move(held), options);
    return [shared](request& q, response& r) { return detail::answer(*shared, q, r); };
}

} // namespace hawser::inline v0_1::http
