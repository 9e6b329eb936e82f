// SPDX-License-Identifier: BSL-1.0
#include "admin/rows.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace hawser::inline v0_1::detail {
namespace {

namespace json = boost::json;

json::value milliseconds(const std::optional<duration>& d)
{
    return d ? json::value(std::chrono::duration_cast<std::chrono::milliseconds>(*d).count()) : json::value(nullptr);
}

// What a peer has chosen may be any bytes, and JSON is UTF-8: what is not ASCII becomes ?.
std::string ascii(std::string text)
{
    for (char& c : text)
        if (static_cast<unsigned char>(c) > 127)
            c = '?';
    return text;
}

json::value shown(const std::optional<tls_info>& facts)
{
    if (!facts)
        return nullptr;
    return json::object{{"version", facts->version},  {"cipher", facts->cipher},
                        {"alpn", ascii(facts->alpn)}, {"server_name", ascii(facts->server_name)},
                        {"resumed", facts->resumed},  {"peer_subject", ascii(facts->peer_subject)}};
}

json::object object_of(const socket_row& row, const process_facts& process)
{
    json::object o{{"protocol", row.protocol},
                   {"receive_queue", row.state.receive_queue},
                   {"send_queue", row.state.send_queue},
                   {"local", ascii(row.local)},
                   {"peer", ascii(row.peer)},
                   {"state", row.state.name},
                   {"pid", process.pid},
                   {"user", ascii(process.user)},
                   {"fd", row.descriptor},
                   {"over_tls", row.over_tls}};
    if (row.suspended)
        o["suspended"] = true;
    if (const auto& s = row.session) {
        o["age_ms"] = milliseconds(s->age);
        o["idle_ms"] = milliseconds(s->idle);
        o["waiting_for"] = name_of(s->waiting_for);
        o["waiting_ms"] = milliseconds(s->waiting_time);
        o["bytes_in"] = s->carried.bytes_in;
        o["bytes_out"] = s->carried.bytes_out;
        o["frames_in"] = s->carried.frames_in;
        o["frames_out"] = s->carried.frames_out;
        o["tls"] = shown(s->tls);
    }
    return o;
}

} // namespace

// Row by row, so that only one of them is an object at a time.
std::string to_json(const socket_rows& all, const process_facts& process)
{
    std::string out = "{\"connections\":[";
    for (const socket_row& row : all.rows) {
        out += &row == all.rows.data() ? "\n" : ",\n";
        out += json::serialize(object_of(row, process));
    }
    out += "\n],\"silent_loops\":[";
    for (const silent_loop& l : all.silent) {
        out += &l == all.silent.data() ? "\n" : ",\n";
        out += json::serialize(json::object{{"number", l.number}, {"kept_by", ascii(l.kept_by)}});
    }
    return out + "]}\n";
}

} // namespace hawser::inline v0_1::detail
