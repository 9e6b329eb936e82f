// SPDX-License-Identifier: BSL-1.0

// A command line: options as CLI11 reads them, and positional arguments exactly as they were typed. CLI11 stays in the
// .cpp: it is slow to compile, and every file of a program includes this one.
#ifndef HAWSER_APPS_COMMON_COMMAND_LINE_HPP
#define HAWSER_APPS_COMMON_COMMAND_LINE_HPP

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace app {

/// A command line that cannot be followed; the words name the value and what was expected. The program ends with 2.
class usage_error : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

/// The positional arguments that a program takes.
struct positionals {
    std::string form;    ///< as the usage line shows them
    std::string meaning; ///< for --help
    std::size_t least = 0;
    std::size_t most = ~std::size_t{0};
};

class command_line
{
public:
    command_line(const std::string& name, const std::string& purpose, positionals expected);
    ~command_line();

    /// Declares `--name VALUE`; `take` receives what was given, and may throw usage_error. At most once, unless
    /// `every`.
    void add_value(const std::string& name, const std::string& value, const std::string& meaning,
                   std::function<void(const std::string&)> take, bool every = false);

    /// Declares `--name [VALUE]`; without a value `take` receives `otherwise`. At most once.
    void add_optional_value(const std::string& name, const std::string& value, const std::string& otherwise,
                            const std::string& meaning, std::function<void(const std::string&)> take);

    /// Declares an option without a value.
    void add_switch(const std::string& name, bool& given, const std::string& meaning);

    /// Adds a line below the options of --help.
    void add_note(const std::string& text);

    /// Reads the command line. Returns nothing, or what --help or --version asks the program to print instead of
    /// running. Throws usage_error.
    std::optional<std::string> read(int argc, const char* const* argv);

    /// After read(): what was neither an option nor an option's value, and all that followed `--`.
    const std::vector<std::string>& arguments() const noexcept { return arguments_; }

    /// The program's name, as messages begin with it.
    const std::string& name() const noexcept { return name_; }

private:
    class reader;

    std::string name_;
    positionals expected_;
    std::unique_ptr<reader> reader_;
    std::vector<std::string> arguments_;
};

} // namespace app

#endif
