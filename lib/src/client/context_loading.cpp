// SPDX-License-Identifier: BSL-1.0
#include "client/context_loading.hpp"

#include "names/resolver.hpp"

#include <hawser/tls.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

namespace hawser::inline v0_1::detail {
namespace {

class load;

loading_failure failure_of(const std::exception_ptr& thrown) noexcept
{
    try {
        try {
            std::rethrow_exception(thrown);
        } catch (const tls_error& e) {
            return {loading_failure::kind::tls, e.code(), e.what()};
        } catch (const std::invalid_argument& e) {
            return {loading_failure::kind::argument, {}, e.what()};
        }
    } catch (...) { // otherwise only memory can run out, for the words too
        return {loading_failure::kind::memory, {}, {}};
    }
}

// Never destroyed: a thread of the pool may be at it when the process exits.
struct loads {
    std::mutex mutex;
    std::vector<std::shared_ptr<load>> under_way;
};

loads& loads_of_process()
{
    static loads& shared = *new loads;
    return shared;
}

// It belongs to all who wait for it, so that no one's end abandons it.
class load final : public lookup
{
public:
    explicit load(client_context_key key) : key_{std::move(key)} {}

    const client_context_key& key() const noexcept { return key_; }
    void add(std::shared_ptr<wanted_context> w) { waiting_.push_back(std::move(w)); } // under the mutex

    error_code work() override
    {
        std::shared_ptr<const tls_context> made;
        loading_failure failed;
        try {
            made = client_context(key_);
        } catch (...) {
            failed = failure_of(std::current_exception());
        }
        for (const std::shared_ptr<wanted_context>& w : take_waiting()) {
            w->made = made;
            try {
                w->failed = failed;
            } catch (const std::bad_alloc&) { // of the words
                w->failed.what = loading_failure::kind::memory;
            }
            w->on->ask(*w, w);
        }
        return {};
    }

private:
    std::vector<std::shared_ptr<wanted_context>> take_waiting()
    {
        loads& l = loads_of_process();
        const std::lock_guard lock{l.mutex};
        std::erase_if(l.under_way, [this](const auto& one) { return one.get() == this; });
        return std::move(waiting_);
    }

    const client_context_key key_;
    std::vector<std::shared_ptr<wanted_context>> waiting_;
};

} // namespace

void wanted_context::called()
{
    done = true;
    if (node != nullptr && node->is_linked())
        node->end();
}

void loading_failure::raise() const
{
    switch (what) {
    case kind::none: return;
    case kind::tls: throw tls_error{code, words};
    case kind::argument: throw std::invalid_argument{words};
    case kind::memory: throw std::bad_alloc{};
    }
}

bool start_loading(const client_context_key& key, std::shared_ptr<wanted_context> wanted)
{
    loads& l = loads_of_process();
    const std::lock_guard lock{l.mutex};
    const auto same =
        std::find_if(l.under_way.begin(), l.under_way.end(), [&](const auto& one) { return one->key() == key; });
    if (same != l.under_way.end()) {
        (*same)->add(std::move(wanted));
        return true;
    }
    const auto made = std::make_shared<load>(key);
    made->add(std::move(wanted));
    l.under_way.push_back(made);
    try {
        if (start_lookup(made))
            return true;
    } catch (...) {
        l.under_way.pop_back();
        throw;
    }
    l.under_way.pop_back();
    return false;
}

} // namespace hawser::inline v0_1::detail
