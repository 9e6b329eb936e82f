# SPDX-License-Identifier: BSL-1.0
#
# How a build from nothing takes less time. Neither changes what is built, and the release build does without both, so
# that no file of the library or the programs comes to rely on what another one includes.

# hawser_precompile(TARGET [OTHER]): with HAWSER_PRECOMPILED_HEADERS, the headers that most files include are parsed once
# for TARGET, or taken from OTHER, which is compiled with the same options.
function(hawser_precompile TARGET)
    if(NOT HAWSER_PRECOMPILED_HEADERS)
        return()
    endif()
    # g++ needs it to let the compiler's cache see what a precompiled header holds.
    target_compile_options(${TARGET} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
    if(ARGC GREATER 1)
        target_precompile_headers(${TARGET} REUSE_FROM ${ARGV1})
        # g++ takes one only where the same macros are defined.
        target_compile_definitions(${TARGET} PRIVATE $<TARGET_PROPERTY:${ARGV1},COMPILE_DEFINITIONS>)
        return()
    endif()
    target_precompile_headers(${TARGET} PRIVATE
        <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <cstring> <deque> <exception>
        <functional> <map> <memory> <mutex> <optional> <random> <span> <stdexcept> <string> <string_view> <system_error>
        <thread> <type_traits> <utility> <variant> <vector>
        <boost/asio/any_io_executor.hpp> <boost/asio/as_tuple.hpp> <boost/asio/awaitable.hpp>
        <boost/asio/bind_cancellation_slot.hpp> <boost/asio/cancellation_signal.hpp> <boost/asio/co_spawn.hpp>
        <boost/asio/deferred.hpp> <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <boost/asio/ip/udp.hpp>
        <boost/asio/local/stream_protocol.hpp> <boost/asio/posix/stream_descriptor.hpp> <boost/asio/post.hpp>
        <boost/asio/steady_timer.hpp> <boost/asio/this_coro.hpp> <boost/asio/use_awaitable.hpp>)
endfunction()

# hawser_unite(TARGET SOURCE...): with HAWSER_UNITY_BUILD, TARGET is compiled in a few large pieces. These sources stay
# alone: they name something of their own as another one does.
function(hawser_unite TARGET)
    set_target_properties(${TARGET} PROPERTIES UNITY_BUILD ${HAWSER_UNITY_BUILD} UNITY_BUILD_BATCH_SIZE 10)
    set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    if(HAWSER_UNITY_BUILD) # g++ takes the files of a piece for headers, which should have no unnamed namespaces
        target_compile_options(${TARGET} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage>)
    endif()
endfunction()
