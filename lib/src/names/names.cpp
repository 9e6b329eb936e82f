// SPDX-License-Identifier: BSL-1.0
#include <hawser/names.hpp>

#include "names/calls.hpp"
#include "names/resolver.hpp"
#include "values/name_rules.hpp"
#include "values/system_call.hpp"
#include "values/text.hpp"

#include <boost/asio/error.hpp>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <stdexcept>

namespace hawser::inline v0_1 {
namespace {

using namespace detail;

constexpr std::string_view white_space = " \t\n\r\f\v";

[[noreturn]] void fail(const std::string& subject, const error_code& e, duration timeout)
{
    const std::string text = subject + ": " + symbol(e);
    if (e == errc::lookup_timeout)
        throw name_error{e, text + " after " + in_words(timeout)};
    throw name_error{e, text + " (" + meaning(e) + ')'};
}

// `subject` is for the words of an error; `fault` is what is wrong with it, if anything is.
template <class Found>
awaitable<Found> look_up(std::string subject, std::string fault, duration timeout,
                         std::function<error_code(Found&)> find)
{
    if (timeout <= duration::zero())
        throw std::invalid_argument{"timeout of a look-up: expected a time above zero, got " +
                                    std::to_string(timeout.count()) + " ns"};
    if (!fault.empty())
        throw name_error{name_errc::invalid_name, fault};
    const auto l = std::make_shared<lookup_of<Found>>(std::move(find));
    error_code failed;
    try {
        co_await finish_lookup(l, timeout);
    } catch (const system_error& e) {
        failed = e.code();
    }
    if (failed == boost::asio::error::operation_aborted)
        throw hawser::error{failed};
    if (failed)
        fail(subject, failed, timeout);
    co_return std::move(l->found);
}

std::string subject_of(const address_query& q)
{
    return q.host.value_or("-") + (q.service ? ' ' + *q.service : "");
}

std::string trimmed(const std::string& name)
{
    const auto begin = name.find_first_not_of(white_space);
    return begin == name.npos ? "" : name.substr(begin, name.find_last_not_of(white_space) - begin + 1);
}

} // namespace

awaitable<std::vector<address_info>> resolve(address_query query, duration timeout)
{
    std::string fault = fault_of_name(query.host.value_or(""));
    if (fault.empty())
        fault = fault_of_service(query.service.value_or(""));
    std::string subject = subject_of(query);
    return look_up<std::vector<address_info>>(std::move(subject), std::move(fault), timeout,
                                              [q = std::move(query)](auto& found) { return find_addresses(q, found); });
}

awaitable<std::string> gethostbyname(std::string name, duration timeout)
{
    if (const char* const address = address_meant_by(name))
        name = address;
    address_query query{.host = std::move(name), .family = address_family::inet};
    const auto found = co_await resolve(std::move(query), timeout);
    co_return found.front().address.host;
}

awaitable<host_entry> gethostbyname_ex(std::string name, duration timeout)
{
    return look_up<host_entry>(name, fault_of_name(name), timeout,
                               [name](host_entry& found) { return find_host_by_name(name, found); });
}

awaitable<host_entry> gethostbyaddr(std::string name_or_address, duration timeout)
{
    std::string fault = name_or_address.empty() ? "name \"\": expected the name or the address of one host"
                                                : fault_of_name(name_or_address);
    return look_up<host_entry>(name_or_address, std::move(fault), timeout, [name_or_address](host_entry& found) {
        return find_host_by_address(name_or_address, found);
    });
}

awaitable<std::string> getfqdn(std::string name, duration timeout)
{
    name = trimmed(name);
    if (name.empty() || name == "0.0.0.0" || name == "::")
        name = gethostname();
    return look_up<std::string>(name, fault_of_name(name), timeout, [name](std::string& found) {
        host_entry host;
        found = find_host_by_address(name, host) ? name : full_name(host);
        return error_code{};
    });
}

// No default argument, which g++ 12 would take apart twice in the operand of a co_await.
awaitable<std::string> getfqdn()
{
    return getfqdn(std::string{});
}

std::string gethostname()
{
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0)
        detail::throw_failed("gethostname", detail::last_error());
    return name.data();
}

} // namespace hawser::inline v0_1
