// SPDX-License-Identifier: BSL-1.0

// A file that has its name only once it is whole: written beside it, renamed at the end, and removed if that never
// comes.
#ifndef HAWSER_APPS_COMMON_OUTPUT_FILE_HPP
#define HAWSER_APPS_COMMON_OUTPUT_FILE_HPP

#include <hawser/bytes.hpp>

#include <string>

namespace app {

/// Writes all of it to a descriptor. Throws failure with `name`, the error's symbol and its meaning.
void write_all(int descriptor, hawser::bytes_view bytes, const std::string& name);

/// At most one at a time.
class output_file
{
public:
    /// Creates the temporary file in the folder of `name`. What is there already and is no regular file (a device, a
    /// pipe) is written to as it is, and a symbolic link is followed. Throws failure naming the file and the error.
    explicit output_file(const std::string& name);
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;

    /// Removes what was written, unless it was kept.
    ~output_file();

    void write(hawser::bytes_view bytes) { write_all(descriptor_, bytes, name_); }

    /// All is written: it reaches the disk, and takes its name. Throws failure if it cannot.
    void keep();

private:
    void create();

    std::string name_;      // as it was given
    std::string target_;    // where it leads
    std::string temporary_; // empty: written in place
    int descriptor_ = -1;
};

/// Removes the temporary file of a process that ends at once. For signal handlers.
void remove_unfinished() noexcept;

} // namespace app

#endif
