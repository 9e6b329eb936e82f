// SPDX-License-Identifier: BSL-1.0

// Files beneath a root, and their descriptors, which must not become as many as there are slow readers.
//
//     open_file file = tree.open("a/b.txt");
//     pread(file.descriptor(), ...);
//     file.before_wait();            // closes it, if many wait already
//     co_await flush();
//     pread(file.descriptor(), ...); // opened again; throws if another file has the name now
#ifndef HAWSER_SRC_HTTP_SERVER_OPEN_FILE_HPP
#define HAWSER_SRC_HTTP_SERVER_OPEN_FILE_HPP

#include "sockets/descriptor.hpp"

#include <hawser/http/status.hpp>

#include <sys/stat.h>

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>

namespace hawser::inline v0_1::http::detail {

/// Throws status_error.
[[noreturn]] void refuse(status code);

class open_file;

/// A directory, and what is open beneath it. Thread safe. Outlives its files.
class file_tree
{
public:
    /// `most_held`: files that may stay open while they wait.
    file_tree(hawser::detail::descriptor root, std::size_t most_held) noexcept
        : root_{std::move(root)}, most_held_{most_held}
    {}

    /// The file or directory of this name, relative to the root. Throws status_error for what cannot be opened, lies
    /// outside of the root, or is neither.
    open_file open(std::string name);

private:
    friend class open_file;
    struct opened {
        hawser::detail::descriptor file;
        struct ::statx facts {};
    };
    opened open_beneath(const std::string& name) const;
    bool hold() noexcept;
    void let_go() noexcept { held_.fetch_sub(1); }

    const hawser::detail::descriptor root_;
    const std::size_t most_held_;
    std::atomic<std::size_t> held_{0};
};

/// A file that is being sent, on one loop. It has its descriptor from one wait to the next; during a wait only as long
/// as its tree holds few.
class open_file
{
public:
    open_file(open_file&& other) noexcept;
    open_file& operator=(open_file&& other) noexcept;
    ~open_file();

    /// As it was when it was opened first.
    const struct ::statx& facts() const noexcept { return is_.facts; }
    bool is_directory() const noexcept { return S_ISDIR(is_.facts.stx_mode); }

    /// To be called before each suspension of whoever sends it. Says whether a descriptor was closed.
    bool before_wait() noexcept;

    /// Valid until the next wait. Throws std::runtime_error if the name no longer leads to the file.
    int descriptor();

private:
    friend class file_tree;
    open_file(file_tree& of, std::string name) : tree_{&of}, name_{std::move(name)}, is_{of.open_beneath(name_)} {}

    file_tree* tree_;
    std::string name_;
    file_tree::opened is_;
    bool held_ = false;
};

} // namespace hawser::inline v0_1::http::detail

#endif
