// SPDX-License-Identifier: BSL-1.0
#include "tls/client_contexts.hpp"

#include <openssl/x509.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <utility>

namespace hawser::inline v0_1::detail {
namespace {

file_stamp stamp_of(const char* path) noexcept
{
    struct stat found {};
    if (::stat(path, &found) != 0)
        return {};
    return {found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
}

file_stamp stamp_of(const pem& from) noexcept
{
    return from.empty() || from.in_memory() ? file_stamp{} : stamp_of(from.value().c_str());
}

// Those that are loaded at once. Of the system's folder of authorities OpenSSL reads what a chain asks for.
file_stamp stamp_of_systems_authorities() noexcept
{
    const char* const named = ::secure_getenv(X509_get_default_cert_file_env());
    return stamp_of(named != nullptr ? named : X509_get_default_cert_file());
}

// Never destroyed: a thread of the pool may be at it when the process exits.
struct kept_contexts {
    std::mutex mutex;
    std::deque<std::pair<client_context_key, std::shared_ptr<const tls_context>>> list; // the one used last first
};

kept_contexts& kept_by_process()
{
    static kept_contexts& shared = *new kept_contexts;
    return shared;
}

} // namespace

client_context_key::client_context_key(tls_client from) : options{std::move(from)}
{
    options.server_name.reset();
    files = {options.ca.empty() ? stamp_of_systems_authorities() : stamp_of(options.ca),
             stamp_of(options.certificate_chain), stamp_of(options.private_key)};
}

std::shared_ptr<const tls_context> kept_client_context(const client_context_key& key)
{
    kept_contexts& kept = kept_by_process();
    const std::lock_guard lock{kept.mutex};
    const auto found =
        std::find_if(kept.list.begin(), kept.list.end(), [&](const auto& one) { return one.first == key; });
    if (found == kept.list.end())
        return nullptr;
    std::rotate(kept.list.begin(), found, found + 1);
    return kept.list.front().second;
}

std::shared_ptr<const tls_context> client_context(const client_context_key& key)
{
    if (auto made = kept_client_context(key))
        return made;
    auto made = std::make_shared<const tls_context>(key.options);
    kept_contexts& kept = kept_by_process();
    const std::lock_guard lock{kept.mutex};
    kept.list.emplace_front(key, made);
    if (kept.list.size() > client_contexts_kept)
        kept.list.pop_back();
    return made;
}

} // namespace hawser::inline v0_1::detail
