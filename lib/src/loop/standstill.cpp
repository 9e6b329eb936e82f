// SPDX-License-Identifier: BSL-1.0
#include "loop/standstill.hpp"

#include "loop/loop.hpp"

#include <algorithm>
#include <fstream>
#include <string>

namespace hawser::inline v0_1::detail {
namespace {

using namespace std::chrono_literals;

constexpr duration blocked_after = 60ms;     // of the 100 ms in which a process with a stuck handler has to end
constexpr duration most_for_one_look = 20ms; // whoever looks may have had no processor either

// The first field of its schedstat; zero where there is none.
std::uint64_t time_on_processor(const std::string& task)
{
    std::ifstream file{task + "/schedstat"};
    std::uint64_t ran = 0;
    file >> ran;
    return ran;
}

// Runnable, or running: R in the field behind its name, which is in parentheses (proc(5)).
bool wants_processor(const std::string& task)
{
    std::ifstream file{task + "/stat"};
    std::string all;
    std::getline(file, all);
    const std::size_t name_end = all.rfind(')');
    return name_end != std::string::npos && all.size() > name_end + 2 && all[name_end + 2] == 'R';
}

std::string task_of(const loop& l)
{
    return "/proc/self/task/" + std::to_string(l.thread_id.load());
}

} // namespace

loop_standstill::loop_standstill(const loop& l, time_point now)
    : turn_{l.turns()}, ran_{time_on_processor(task_of(l))}, looked_{now}
{}

void loop_standstill::look(const loop& l, time_point now)
{
    const bool has_thread = l.thread_id != 0;
    const std::string task = task_of(l);
    const std::uint64_t ran = time_on_processor(task);
    const bool starved = has_thread && ran == ran_ && wants_processor(task);
    const duration passed = now - looked_;
    if (l.turns() != turn_)
        stood_ = duration::zero();
    else if (!starved)
        stood_ += has_thread ? std::min(passed, most_for_one_look) : passed;
    turn_ = l.turns();
    ran_ = ran;
    looked_ = now;
}

bool loop_standstill::is_blocked() const noexcept
{
    return stood_ >= blocked_after;
}

} // namespace hawser::inline v0_1::detail
