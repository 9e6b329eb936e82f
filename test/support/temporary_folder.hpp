// SPDX-License-Identifier: BSL-1.0

// A folder of one's own, which goes with the object, and all that is in it.
#ifndef HAWSER_TEST_TEMPORARY_FOLDER_HPP
#define HAWSER_TEST_TEMPORARY_FOLDER_HPP

#include "kit_namespace.hpp"

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

namespace hawser::test {

class temporary_folder
{
public:
    temporary_folder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "hawser-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::system_error{errno, std::generic_category(), name};
        path_ = name;
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const noexcept { return path_; }
    std::string path(const char* name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

} // namespace hawser::test

#endif
