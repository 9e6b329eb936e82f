// SPDX-License-Identifier: BSL-1.0

// resolve: names to addresses and back, as the resolver of this system finds them.
#include "common/program.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"
#include "resolve/output.hpp"

#include <hawser/names.hpp>
#include <hawser/runtime.hpp>

#include <algorithm>
#include <array>
#include <span>

namespace {

struct wanted {
    std::string function;
    std::vector<std::string> arguments;
    hawser::address_query query;
    std::string query_option; ///< one that was given; empty: none
    hawser::duration deadline = hawser::lookup_timeout;
    app::result_format format = app::result_format::text;
};

struct form {
    const char* function;
    const char* arguments;
    std::size_t least;
    std::size_t most;
};

constexpr std::array forms{form{"getaddrinfo", "HOST [SERVICE]", 1, 2},
                           form{"gethostname", "", 0, 0},
                           form{"getfqdn", "[NAME]", 0, 1},
                           form{"gethostbyname", "NAME", 1, 1},
                           form{"gethostbyname_ex", "NAME", 1, 1},
                           form{"gethostbyaddr", "NAME|ADDRESS", 1, 1}};

template <class Value>
struct choice {
    std::string_view name;
    Value value;
};

constexpr std::array families{choice{"any", hawser::address_family::any}, choice{"inet", hawser::address_family::inet},
                              choice{"inet6", hawser::address_family::inet6}};
constexpr std::array types{choice{"stream", hawser::socket_type::stream}, choice{"dgram", hawser::socket_type::dgram},
                           choice{"raw", hawser::socket_type::raw}};
constexpr std::array flags{choice{"canonname", &hawser::address_query::canonical_name},
                           choice{"passive", &hawser::address_query::passive},
                           choice{"numerichost", &hawser::address_query::numeric_host},
                           choice{"addrconfig", &hawser::address_query::configured_families}};

template <class Value, std::size_t N>
Value choose(const std::array<choice<Value>, N>& from, std::string_view text)
{
    std::string expected;
    for (const auto& c : from) {
        if (c.name == text)
            return c.value;
        expected.append(expected.empty() ? "" : &c == &from.back() ? " or " : ", ").append(c.name);
    }
    throw app::usage_error{"expected " + expected + ", got " + app::shown(text)};
}

void set_flags(hawser::address_query& query, std::string_view text)
{
    for (;;) {
        const auto comma = text.find(',');
        query.*choose(flags, text.substr(0, comma)) = true;
        if (comma == text.npos)
            return;
        text.remove_prefix(comma + 1);
    }
}

// The options of getaddrinfo's, which no other function takes.
void declare_query(app::command_line& line, wanted& w)
{
    const auto add = [&](const char* name, const char* value, const char* meaning, auto take) {
        line.add_value(name, value, meaning, [&w, name, take](const std::string& text) {
            w.query_option = name;
            take(w.query, text);
        });
    };
    add("--family", "any|inet|inet6", "Addresses of this family (default: any)",
        [](hawser::address_query& q, const std::string& text) { q.family = choose(families, text); });
    add("--type", "stream|dgram|raw", "For sockets of this type (default: all)",
        [](hawser::address_query& q, const std::string& text) { q.type = choose(types, text); });
    add("--proto", "N", "For this protocol, by number (default: 0, all)",
        [](hawser::address_query& q, const std::string& text) {
            q.protocol = static_cast<int>(app::read_number(text, 0, 255));
        });
    add("--flags", "FLAG[,FLAG...]", "canonname, passive, numerichost, addrconfig (default: none)", set_flags);
}

void read(wanted& w, std::vector<std::string> arguments)
{
    w.function = arguments.front();
    arguments.erase(arguments.begin());
    const auto found = std::ranges::find(forms, w.function, &form::function);
    if (found == forms.end())
        throw app::usage_error{"expected a function that --help lists, got " + app::shown(w.function)};
    if (arguments.size() < found->least || arguments.size() > found->most)
        throw app::usage_error{w.function + ": expected " +
                               (*found->arguments != 0 ? found->arguments : "no argument") + ", got " +
                               std::to_string(arguments.size()) + " arguments"};
    if (w.function != "getaddrinfo" && !w.query_option.empty())
        throw app::usage_error{w.query_option + ": expected with getaddrinfo alone, got " + w.function};
    w.arguments = std::move(arguments);
    if (w.function != "getaddrinfo")
        return;
    if (w.arguments[0] != "-")
        w.query.host = w.arguments[0];
    if (w.arguments.size() == 2)
        w.query.service = w.arguments[1];
    if (!w.query.host && !w.query.service)
        throw app::usage_error{"getaddrinfo: expected a HOST or a SERVICE, got neither"};
}

hawser::awaitable<void> resolve(const wanted& w)
{
    const std::string name = w.arguments.empty() ? "" : w.arguments[0];
    if (w.function == "getaddrinfo") {
        const auto found = co_await hawser::getaddrinfo(w.query, w.deadline);
        app::print_results(found, w.format);
    } else if (w.function == "gethostname") {
        app::print_result(hawser::gethostname(), w.format);
    } else if (w.function == "getfqdn") {
        const auto found = co_await hawser::getfqdn(name, w.deadline);
        app::print_result(found, w.format);
    } else if (w.function == "gethostbyname") {
        const auto found = co_await hawser::gethostbyname(name, w.deadline);
        app::print_result(found, w.format);
    } else if (w.function == "gethostbyname_ex") {
        const auto found = co_await hawser::gethostbyname_ex(name, w.deadline);
        app::print_result(found, w.format);
    } else {
        const auto found = co_await hawser::gethostbyaddr(name, w.deadline);
        app::print_result(found, w.format);
    }
}

[[noreturn]] void fail(const wanted& w, const hawser::name_error& error)
{
    const std::string symbol = hawser::symbol(error.code());
    const bool only_ipv4 = w.function.starts_with("gethostbyname");
    if (only_ipv4 && (symbol == "EAI_ADDRFAMILY" || symbol == "EAI_NODATA"))
        throw app::failure{error.what() + std::string{": "} + w.function +
                           " knows IPv4 alone, use getaddrinfo for IPv6"};
    throw error;
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{"resolve",
                           "Finds the addresses of a host and the names of an address, as this system's resolver does.",
                           {.form = "FUNCTION [ARGUMENT...]",
                            .meaning = "FUNCTION:\n"
                                       "  getaddrinfo HOST [SERVICE]  every address for a host and a service, - for no "
                                       "HOST\n"
                                       "  gethostname                 the name of this host\n"
                                       "  getfqdn [NAME]              the full name of a host, or of this one\n"
                                       "  gethostbyname NAME          its first IPv4 address\n"
                                       "  gethostbyname_ex NAME       its name, aliases and IPv4 addresses\n"
                                       "  gethostbyaddr NAME|ADDRESS  the name, aliases and addresses of a host",
                            .least = 1}};
    wanted w;
    declare_query(line, w);
    line.add_value("--timeout", "D", "Time for the look-up (default: " + app::to_string(w.deadline) + ')',
                   [&w](const std::string& text) { w.deadline = app::read_duration(text); });
    bool json = false;
    line.add_switch("--json", json, "Print JSON");
    line.add_note("getaddrinfo prints five fields: family, type, protocol, canonical name (- for none), address.");
    line.add_note("A duration D has a unit (500ms, 10s, 2m, 1h) or is never.");

    return app::run_client(line, argc, argv, [&] {
        if (json)
            w.format = app::result_format::json;
        read(w, line.arguments());
        hawser::runtime runtime{{.loops = 1, .blocked_after = hawser::never}};
        try {
            hawser::run(runtime, resolve(w));
        } catch (const hawser::name_error& error) {
            fail(w, error);
        }
    });
}
