// SPDX-License-Identifier: BSL-1.0

// https_get: fetches one URL over HTTP or HTTPS to standard output or into a file that is whole or not there.
#include "common/client_options.hpp"
#include "common/output_file.hpp"
#include "common/program.hpp"
#include "common/progress.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"

#include <hawser/connection.hpp>
#include <hawser/http/client.hpp>
#include <hawser/runtime.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>

namespace {

constexpr std::uint64_t most_redirects = 1000;

struct wanted {
    std::string url;
    bool head = false;
    bool with_head = false;
    std::string file; ///< empty: standard output
    hawser::http::client_options options;
};

void write_out(hawser::bytes_view bytes)
{
    app::write_all(STDOUT_FILENO, bytes, "standard output");
}

hawser::http::field read_field(const std::string& text)
{
    const auto colon = text.find(':');
    if (colon == text.npos)
        throw app::usage_error{"expected 'Name: value', got " + app::shown(text)};
    const auto begin = std::min(text.find_first_not_of(" \t", colon + 1), text.size());
    const auto last = text.find_last_not_of(" \t");
    return {text.substr(0, colon), begin > last ? "" : text.substr(begin, last - begin + 1)};
}

// The head as it came, but for the white space around values.
template <class Fields>
std::string head_text(unsigned minor_version, hawser::http::status status, std::string_view reason,
                      const Fields& fields)
{
    std::string text = "HTTP/1." + std::to_string(minor_version) + ' ' + std::to_string(static_cast<int>(status)) + ' ';
    text.append(reason).append("\r\n");
    for (const auto& field : fields)
        text.append(field.name).append(": ").append(field.value).append("\r\n");
    return text + "\r\n";
}

// Where a download goes, and what is seen of it.
class download
{
public:
    download(const wanted& w, const boost::asio::any_io_executor& executor) : wanted_{w}, ticks_{executor}
    {
        if (!w.file.empty())
            file_.emplace(w.file);
    }

    hawser::http::body_consumer consumer()
    {
        return {[this](hawser::bytes_view piece) { take(piece); },
                [this](const hawser::http::response_head& head) { begin(head); }};
    }

    void finish()
    {
        ticks_.cancel();
        if (!to_file_)
            return;
        file_->keep();
        if (progress_)
            progress_->finish();
    }

private:
    void begin(const hawser::http::response_head& head)
    {
        if (wanted_.with_head)
            write_out(head_text(head.minor_version(), head.status(), head.reason(), head.fields()));
        to_file_ =
            file_.has_value() && static_cast<int>(head.status()) < 400; // an error's page is not what was asked for
        if (!to_file_)
            return;
        progress_.emplace(head.framing() == hawser::http::body_framing::until_close ? std::nullopt
                                                                                    : head.content_length());
        tick();
    }

    void take(hawser::bytes_view piece)
    {
        if (!to_file_)
            return write_out(piece);
        file_->write(piece);
        progress_->add(piece.size());
    }

    // The line moves on when nothing comes, too.
    void tick()
    {
        ticks_.expires_after(std::chrono::milliseconds{500});
        ticks_.async_wait([this](const boost::system::error_code& cancelled) {
            if (cancelled)
                return;
            progress_->refresh();
            tick();
        });
    }

    const wanted& wanted_;
    std::optional<app::output_file> file_;
    std::optional<app::progress> progress_;
    boost::asio::steady_timer ticks_;
    bool to_file_ = false;
};

hawser::awaitable<void> fetch(const wanted& w)
{
    if (w.head) {
        const auto answer = co_await hawser::http::head(w.url, w.options);
        write_out(head_text(answer.minor_version, answer.status, answer.reason, answer.fields));
        hawser::http::require_success(answer);
        co_return;
    }
    const auto executor = co_await boost::asio::this_coro::executor;
    download to{w, executor};
    const auto answer = co_await hawser::http::get(w.url, w.options, to.consumer());
    to.finish();
    hawser::http::require_success(answer);
}

[[noreturn]] void fail(const hawser::http::client_error& error)
{
    if (error.phase() == hawser::http::phase::url)
        throw app::usage_error{error.what()};
    if (error.code() == boost::system::errc::connection_refused)
        throw app::failure{std::string{error.what()} + ": wrong port, server not running, or a firewall"};
    throw app::failure{error.what()};
}

void check(const wanted& w)
{
    if (w.head && !w.file.empty())
        throw app::usage_error{"-o: expected a request with a body, got --head"};
}

extern "C" void clean_up()
{
    app::progress::clear();
    app::remove_unfinished();
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{
        "https_get",
        "Fetches a URL over HTTP or HTTPS, whose certificates are always verified.",
        {.form = "URL", .meaning = "URL: http://HOST[:PORT]/PATH or https://...", .least = 1, .most = 1}};
    wanted w;
    line.add_switch("--head", w.head, "Ask for the header alone, and print it");
    line.add_switch("-i", w.with_head, "Print the header, to standard output, before the body");
    line.add_value(
        "-H", "'Name: value'", "A field to send; may be given several times",
        [&](const std::string& text) { w.options.fields.push_back(read_field(text)); }, true);
    line.add_value("-o", "FILE", "Write the body to FILE, which is whole or not there (default: standard output)",
                   [&](const std::string& text) {
                       if (text.empty())
                           throw app::usage_error{"expected a file's name, got \"\""};
                       w.file = text;
                   });
    line.add_value(
        "--max-redirects", "N",
        "Redirections to follow; 0: none, and the redirection is the result (default: " +
            std::to_string(w.options.max_redirects) + ')',
        [&](const std::string& text) { w.options.max_redirects = app::read_number(text, 0, most_redirects); });
    app::client_options options{line, w.options};

    return app::run_client(line, argc, argv, [&] {
        w.url = line.arguments().front();
        options.set(w.options);
        check(w);
        std::signal(SIGPIPE, SIG_IGN); // a reader that goes away is an error of its own
        app::before_interruption(clean_up);
        hawser::runtime runtime{{.loops = 1, .blocked_after = hawser::never}};
        try {
            hawser::run(runtime, fetch(w));
        } catch (const hawser::http::client_error& error) {
            fail(error);
        } catch (const hawser::tls_error& error) {
            throw app::usage_error{error.what()};
        }
    });
}
