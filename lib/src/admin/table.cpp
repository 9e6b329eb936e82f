// SPDX-License-Identifier: BSL-1.0
#include "admin/rows.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace hawser::inline v0_1::detail {
namespace {

enum class align : std::uint8_t { left, right };

struct column {
    const char* name;
    align side;
};

constexpr std::array columns{
    column{"Proto", align::left},         column{"Recv-Q", align::right},      column{"Send-Q", align::right},
    column{"Local-Address", align::left}, column{"Peer-Address", align::left}, column{"State", align::left},
    column{"PID", align::right},          column{"User", align::left},         column{"FD", align::right},
    column{"Age", align::right},          column{"Idle", align::right},        column{"Awaits", align::left},
    column{"For", align::right},          column{"Bytes-In", align::right},    column{"Bytes-Out", align::right},
    column{"Frames-In", align::right},    column{"Frames-Out", align::right},  column{"TLS", align::left}};

using line = std::array<std::string, columns.size()>;

constexpr const char* none = "-";

// 12.3s, 4m05s, 3h12m, 2d03h
std::string shown(duration d)
{
    using namespace std::chrono;
    std::array<char, 32> text{};
    const long long whole = duration_cast<seconds>(d).count();
    if (whole < 60)
        std::snprintf(text.data(), text.size(), "%.1fs", duration_cast<std::chrono::duration<double>>(d).count());
    else if (whole < 3600)
        std::snprintf(text.data(), text.size(), "%lldm%02llds", whole / 60, whole % 60);
    else if (whole < 86400)
        std::snprintf(text.data(), text.size(), "%lldh%02lldm", whole / 3600, whole / 60 % 60);
    else
        std::snprintf(text.data(), text.size(), "%lldd%02lldh", whole / 86400, whole / 3600 % 24);
    return text.data();
}

std::string shown(const std::optional<duration>& d)
{
    return d ? shown(*d) : none;
}

// One word of visible ASCII characters.
std::string word(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c > ' ' && c < 127 && c != '\\') {
            out += c;
            continue;
        }
        std::array<char, 8> code{};
        std::snprintf(code.data(), code.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        out += code.data();
    }
    return out.empty() ? none : out;
}

// TLSv1.3,TLS_AES_256_GCM_SHA384,alpn=h2,sni=example.org,resumed,peer=CN=client
std::string shown(const tls_info& facts)
{
    std::string text = facts.version + ',' + facts.cipher;
    if (!facts.alpn.empty())
        text += ",alpn=" + facts.alpn;
    if (!facts.server_name.empty())
        text += ",sni=" + facts.server_name;
    if (facts.resumed)
        text += ",resumed";
    if (!facts.peer_subject.empty())
        text += ",peer=" + facts.peer_subject;
    return word(text);
}

line line_of(const socket_row& row, const process_facts& process)
{
    line l{row.protocol,
           std::to_string(row.state.receive_queue),
           std::to_string(row.state.send_queue),
           word(row.local),
           word(row.peer),
           row.state.name,
           std::to_string(process.pid),
           word(process.user),
           std::to_string(row.descriptor) + 'u'}; // for reading and writing, as lsof shows it
    if (const auto& s = row.session) {
        l[9] = shown(s->age);
        l[10] = shown(s->idle);
        l[11] = name_of(s->waiting_for);
        l[12] = shown(s->waiting_time);
        l[13] = std::to_string(s->carried.bytes_in);
        l[14] = std::to_string(s->carried.bytes_out);
        l[15] = std::to_string(s->carried.frames_in);
        l[16] = std::to_string(s->carried.frames_out);
    } else {
        std::fill(l.begin() + 9, l.end() - 1, none);
        if (row.suspended)
            l[11] = "resume";
    }
    l[17] = row.session && row.session->tls ? shown(*row.session->tls) : row.over_tls ? "yes" : none;
    return l;
}

void append(std::string& out, const line& l, const std::array<std::size_t, columns.size()>& widths)
{
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::size_t space = widths[i] - l[i].size();
        if (i != 0)
            out += ' ';
        if (columns[i].side == align::right)
            out.append(space, ' ');
        out += l[i];
        if (columns[i].side == align::left && i + 1 != columns.size())
            out.append(space, ' ');
    }
    out += '\n';
}

} // namespace

const char* name_of(wait_kind what) noexcept
{
    switch (what) {
    case wait_kind::nothing: return "nothing";
    case wait_kind::handshake: return "handshake";
    case wait_kind::readability: return "readability";
    case wait_kind::input: return "input";
    case wait_kind::turn: return "turn";
    case wait_kind::output_room: return "output_room";
    case wait_kind::output_flushed: return "output_flushed";
    case wait_kind::end: return "end";
    }
    return "unknown";
}

std::string to_table(const socket_rows& all, const process_facts& process)
{
    std::vector<line> lines(1);
    std::transform(columns.begin(), columns.end(), lines[0].begin(), [](const column& c) { return c.name; });
    for (const socket_row& row : all.rows)
        lines.push_back(line_of(row, process));
    std::array<std::size_t, columns.size()> widths{};
    for (const line& l : lines)
        for (std::size_t i = 0; i < columns.size(); ++i)
            widths[i] = std::max(widths[i], l[i].size());
    std::string out;
    for (const line& l : lines)
        append(out, l, widths);
    for (const silent_loop& l : all.silent)
        out += "loop " + std::to_string(l.number) + " has not answered" +
               (l.kept_by.empty() ? "" : ": kept by the handler of " + word(l.kept_by)) + '\n';
    return out;
}

} // namespace hawser::inline v0_1::detail
