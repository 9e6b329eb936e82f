// SPDX-License-Identifier: BSL-1.0
#include "qotd/quotes.hpp"

#include "common/command_line.hpp"
#include "common/shown.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>

namespace app {
namespace {

// Words of our own, about what this library does.
constexpr const char* own[] = {
    "A hawser is thick so that nobody has to think about it.",
    "The rope that holds is the one you checked in good weather.",
    "Nobody thanks the mooring. Everybody notices when it parts.",
    "Set your deadline before you set sail.",
    "A patient server still looks at its watch.",
    "Whoever shouts the longest message need not be given the largest buffer.",
    "Leave the harbour as you would be let in: slowly, and with everybody on board.",
    "A limit you can name is kinder than a crash you cannot.",
    "Half a frame is no news.",
    "Measure twice; then measure on the other machine.",
};

class file_reader
{
public:
    explicit file_reader(const std::string& name) : name_{name}, file_{name}
    {
        if (!file_)
            throw usage_error{"--quotes: expected a file that can be read, got " + shown(name)};
    }

    std::vector<std::string> read()
    {
        for (std::string line; std::getline(file_, line);) {
            ++number_;
            if (line.ends_with('\r'))
                line.pop_back();
            if (line == "%")
                end_quote();
            else
                add(line);
        }
        if (file_.bad())
            refuse("expected text", "an error while it was read");
        end_quote();
        if (all_.empty())
            refuse("expected at least one quote", "none");
        return std::move(all_);
    }

private:
    void add(const std::string& line)
    {
        const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; };
        if (std::any_of(line.begin(), line.end(), is_control))
            refuse("expected text", shown(line));
        if (quote_.empty()) {
            if (line.empty())
                return;
            begin_ = number_;
        }
        quote_ += line + "\r\n";
    }

    void end_quote()
    {
        while (quote_.ends_with("\r\n\r\n"))
            quote_.resize(quote_.size() - 2);
        if (quote_.size() > longest_quote) {
            number_ = begin_;
            refuse("expected a quote of at most " + std::to_string(longest_quote) + " bytes with its line ends",
                   std::to_string(quote_.size()));
        }
        if (!quote_.empty())
            all_.push_back(std::move(quote_));
        quote_.clear();
    }

    [[noreturn]] void refuse(const std::string& expected, const std::string& got) const
    {
        throw usage_error{"--quotes: " + name_ + ", line " + std::to_string(number_) + ": " + expected + ", got " +
                          got};
    }

    std::string name_;
    std::ifstream file_;
    std::size_t number_ = 0; // of the line
    std::size_t begin_ = 0;  // the line at which the quote began
    std::string quote_;
    std::vector<std::string> all_;
};

} // namespace

quotes::quotes()
{
    for (const char* text : own)
        all_.push_back(std::string{text} + "\r\n");
}

quotes::quotes(const std::string& file) : all_{file_reader{file}.read()} {}

} // namespace app
