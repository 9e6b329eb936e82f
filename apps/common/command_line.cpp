// SPDX-License-Identifier: BSL-1.0
#include "common/command_line.hpp"

#include "common/shown.hpp"

#include <hawser/version.hpp>

#include <CLI/CLI.hpp>

#include <utility>

namespace app {
namespace {

class help_format : public CLI::Formatter
{
public:
    explicit help_format(const positionals& expected) : form_{expected.form}, meaning_{expected.meaning}
    {
        column_width(26);
    }

    std::string make_usage(const CLI::App*, std::string name) const override
    {
        return "Usage: " + name + " [OPTIONS] " + form_ + "\n\n" + meaning_ + '\n';
    }

private:
    std::string form_;
    std::string meaning_;
};

} // namespace

// CLI11 is not told of the positional arguments: it would take "[a,b]" apart as a list.
class command_line::reader : public CLI::App
{
public:
    reader(const std::string& name, const std::string& purpose, const positionals& expected) : CLI::App{purpose, name}
    {
        allow_extras();
        formatter(std::make_shared<help_format>(expected));
        set_help_flag("--help,-h", "Print this and exit");
        set_version_flag("--version", name + " (Hawser) " + HAWSER_VERSION_STRING, "Print the version and exit");
    }

    CLI::Option* declare(const std::string& name, const std::string& value, const std::string& meaning,
                         std::function<void(const std::string&)> take, bool every)
    {
        const auto take_all = [name, take = std::move(take), every](const std::vector<std::string>& given) {
            if (given.size() > 1 && !every)
                throw usage_error{name + ": expected once, got " + shown(given[0]) + " and " + shown(given[1])};
            for (const std::string& text : given) {
                try {
                    take(text);
                } catch (const usage_error& error) {
                    throw usage_error{name + ": " + error.what()};
                }
            }
            return true;
        };
        // Without extra arguments CLI11 leaves values in brackets whole.
        return add_option(name, take_all, meaning)->type_name(value)->take_all()->allow_extra_args(false);
    }

    void add_note(const std::string& text)
    {
        notes_ += notes_.empty() ? text : '\n' + text;
        footer(notes_);
    }

    std::optional<std::string> read(int argc, const char* const* argv)
    {
        for (int i = 1; i < argc && std::string_view{argv[i]} != "--"; ++i)
            refuse_dash_behind_switches(argv[i]);
        try {
            parse(argc, argv);
        } catch (const CLI::CallForHelp&) {
            return help();
        } catch (const CLI::CallForVersion& version) {
            return version.what() + std::string{'\n'};
        } catch (const CLI::ParseError& error) {
            throw usage_error{error.what()};
        }
        return std::nullopt;
    }

private:
    // CLI11 would read "-v-" as "-v --".
    void refuse_dash_behind_switches(std::string_view text) const
    {
        if (!text.starts_with('-') || text.starts_with("--"))
            return;
        for (const char letter : text.substr(1)) {
            if (letter == '-')
                throw usage_error{"expected an option that --help lists, got " + shown(text)};
            const CLI::Option* const option = get_option_no_throw(std::string{'-', letter});
            if (option == nullptr || option->get_items_expected_max() != 0)
                return; // unknown, which is told later, or the rest is its value
        }
    }

    std::string notes_;
};

command_line::command_line(const std::string& name, const std::string& purpose, positionals expected)
    : name_{name}, expected_{std::move(expected)}, reader_{std::make_unique<reader>(name, purpose, expected_)}
{}

command_line::~command_line() = default;

void command_line::add_value(const std::string& name, const std::string& value, const std::string& meaning,
                             std::function<void(const std::string&)> take, bool every)
{
    reader_->declare(name, value, meaning, std::move(take), every);
}

void command_line::add_optional_value(const std::string& name, const std::string& value, const std::string& otherwise,
                                      const std::string& meaning, std::function<void(const std::string&)> take)
{
    reader_->declare(name, value, meaning, std::move(take), false)->expected(0, 1)->default_str(otherwise);
}

void command_line::add_switch(const std::string& name, bool& given, const std::string& meaning)
{
    reader_->add_flag(name, given, meaning);
}

void command_line::add_note(const std::string& text)
{
    reader_->add_note(text);
}

std::optional<std::string> command_line::read(int argc, const char* const* argv)
{
    if (auto instead = reader_->read(argc, argv))
        return instead;
    bool options_ended = false;
    for (std::string& text : reader_->remaining()) {
        if (!options_ended && text == "--") {
            options_ended = true;
            continue;
        }
        if (!options_ended && text.size() > 1 && text.front() == '-')
            throw usage_error{"expected an option that --help lists, got " + shown(text)};
        arguments_.push_back(std::move(text));
    }
    if (arguments_.size() >= expected_.least && arguments_.size() <= expected_.most)
        return std::nullopt;
    std::string got;
    for (const std::string& text : arguments_)
        got += ' ' + shown(text);
    throw usage_error{"expected " + expected_.form + ", got" + (got.empty() ? " nothing" : got)};
}

} // namespace app
