# SPDX-License-Identifier: BSL-1.0
#
# What others use of Hawser, each a component of the package: hawser::hawser, which is the whole library; the parts of
# the library; and the libraries above it.

# hawser_library() ... hawser_library_part() ... hawser_library_end(DESCRIPTION): hawser::hawser.
#
# A static build makes an archive of each part, and hawser::hawser is all of them. A shared build makes one library, and
# each part is another name of it: the parts use each other's inside (hawser::detail), which a shared library hides; as
# libraries of their own they would have to export, and keep, nearly all of it.
function(hawser_library)
    if(BUILD_SHARED_LIBS)
        add_library(hawser SHARED)
    else()
        add_library(hawser INTERFACE)
        target_sources(hawser PRIVATE include/hawser/version.hpp) # so that it can be built by its name
    endif()
    add_library(hawser::hawser ALIAS hawser)
endfunction()

# hawser_library_part(NAME DESCRIPTION ...): hawser::NAME; the target that is compiled is ${hawser_NAME}.
#
#     NEEDS     the part that its headers need
#     LINKS     targets that it alone needs
#     REQUIRES  pkg-config packages that it alone needs
#     LIBS      what it links beside them, for pkg-config
#     ALONE     sources that no unity build joins with others
#     SOURCES, HEADERS
function(hawser_library_part NAME DESCRIPTION)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "NEEDS" "LINKS;REQUIRES;LIBS;ALONE;SOURCES;HEADERS")
    if(BUILD_SHARED_LIBS)
        set(target hawser)
    else()
        set(target hawser_${NAME})
        add_library(${target} STATIC)
        target_link_libraries(hawser INTERFACE ${target})
        add_dependencies(hawser ${target})
    endif()
    add_library(hawser::${NAME} ALIAS ${target})
    set(hawser_${NAME} ${target} PARENT_SCOPE)

    target_sources(${target} PRIVATE ${arg_SOURCES} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${arg_HEADERS})
    target_include_directories(${target} PRIVATE src)
    if(NOT arg_NEEDS)
        target_link_libraries(${target} PUBLIC Boost::headers Threads::Threads PRIVATE $<BUILD_INTERFACE:hawser_warnings>)
    elseif(NOT BUILD_SHARED_LIBS)
        target_link_libraries(${target} PUBLIC hawser_${arg_NEEDS} PRIVATE $<BUILD_INTERFACE:hawser_warnings>)
    endif()
    target_link_libraries(${target} PRIVATE ${arg_LINKS})
    hawser_unite(${target} ${arg_ALONE})

    if(BUILD_SHARED_LIBS)
        set_property(TARGET hawser APPEND PROPERTY HAWSER_REQUIRES ${arg_REQUIRES})
        set_property(TARGET hawser APPEND PROPERTY HAWSER_LIBS ${arg_LIBS})
        if(HAWSER_INSTALL)
            hawser_pkg_config(hawser-${NAME} "${DESCRIPTION}" REQUIRES hawser)
        endif()
    elseif(arg_NEEDS)
        hawser_precompile(${target} hawser_${arg_NEEDS})
        hawser_part(${target} ${NAME} "${DESCRIPTION}" REQUIRES hawser-${arg_NEEDS} LIBS_PRIVATE ${arg_LIBS})
    else()
        hawser_precompile(${target})
        hawser_part(${target} ${NAME} "${DESCRIPTION}" REQUIRES_PRIVATE ${arg_REQUIRES} LIBS_PRIVATE ${arg_LIBS})
    endif()
    set_property(TARGET hawser APPEND PROPERTY HAWSER_PARTS ${NAME})
endfunction()

function(hawser_library_end DESCRIPTION)
    get_target_property(parts hawser HAWSER_PARTS)
    if(BUILD_SHARED_LIBS)
        hawser_precompile(hawser)
        get_target_property(requires hawser HAWSER_REQUIRES)
        get_target_property(libs hawser HAWSER_LIBS)
        hawser_part(hawser hawser "${DESCRIPTION}" REQUIRES_PRIVATE ${requires} LIBS_PRIVATE ${libs})
    else()
        list(REVERSE parts) # what others need stands behind them
        list(TRANSFORM parts PREPEND hawser-)
        hawser_part(hawser hawser "${DESCRIPTION}" REQUIRES ${parts})
    endif()
endfunction()

# hawser_part(TARGET NAME DESCRIPTION ...): a library that others use, hawser::NAME. Its users get its headers and the
# language level, and nothing else: no warning, no macro, no compile option. With HAWSER_INSTALL it is installed, its
# CMake targets and its pkg-config file with it (hawser.pc, hawser-NAME.pc).
#
#     REQUIRES          pkg-config packages that its headers need
#     REQUIRES_PRIVATE  pkg-config packages that it alone needs
#     LIBS_PRIVATE      what else it links
function(hawser_part TARGET NAME DESCRIPTION)
    cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "REQUIRES;REQUIRES_PRIVATE;LIBS_PRIVATE")
    set_target_properties(${TARGET} PROPERTIES EXPORT_NAME ${NAME})
    get_target_property(type ${TARGET} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
        target_compile_features(${TARGET} PUBLIC cxx_std_20)
        # Before 1.0 the ABI changes with the minor version. Static objects hide their symbols too: a shared library made
        # of them does not pass them on.
        set_target_properties(${TARGET} PROPERTIES
            VERSION ${PROJECT_VERSION}
            SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
            CXX_EXTENSIONS OFF
            CXX_VISIBILITY_PRESET hidden
            VISIBILITY_INLINES_HIDDEN ON
            DEFINE_SYMBOL "")
    endif()
    if(NOT HAWSER_INSTALL)
        return()
    endif()

    set(package hawser)
    if(NOT NAME STREQUAL "hawser")
        set(package hawser-${NAME})
    endif()
    install(TARGETS ${TARGET} EXPORT ${package}-targets
        LIBRARY COMPONENT runtime NAMELINK_COMPONENT development
        ARCHIVE COMPONENT development
        FILE_SET HEADERS COMPONENT development)
    install(EXPORT ${package}-targets NAMESPACE hawser:: DESTINATION ${HAWSER_CMAKE_DIR} COMPONENT development)

    # Whoever links a static library links what it is made of, whether pkg-config is told --static or not.
    set(libs -l${TARGET})
    if(type STREQUAL "INTERFACE_LIBRARY")
        set(libs "")
    endif()
    if(type STREQUAL "SHARED_LIBRARY")
        hawser_pkg_config(${package} "${DESCRIPTION}" REQUIRES ${arg_REQUIRES} LIBS ${libs}
            REQUIRES_PRIVATE ${arg_REQUIRES_PRIVATE} LIBS_PRIVATE ${arg_LIBS_PRIVATE})
    else()
        hawser_pkg_config(${package} "${DESCRIPTION}" REQUIRES ${arg_REQUIRES} ${arg_REQUIRES_PRIVATE}
            LIBS ${libs} ${arg_LIBS_PRIVATE})
    endif()
endfunction()

# hawser_pkg_config(PACKAGE DESCRIPTION ...): the file PACKAGE.pc with these lists.
function(hawser_pkg_config package DESCRIPTION)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "REQUIRES;REQUIRES_PRIVATE;LIBS;LIBS_PRIVATE")
    list(JOIN arg_REQUIRES ", " requires)
    list(JOIN arg_REQUIRES_PRIVATE ", " requires_private)
    list(JOIN arg_LIBS " " libs)
    list(JOIN arg_LIBS_PRIVATE " " libs_private)
    # The prefix is found from where the file stands, so that an installed tree may be moved.
    file(RELATIVE_PATH up ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
    string(REGEX REPLACE "/$" "" up ${up})
    file(RELATIVE_PATH libdir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
    file(RELATIVE_PATH includedir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
    configure_file(${PROJECT_SOURCE_DIR}/lib/package/part.pc.in ${package}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${package}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT development)
endfunction()

# hawser_package(): what finds the parts.
function(hawser_package)
    if(NOT HAWSER_INSTALL)
        return()
    endif()
    include(CMakePackageConfigHelpers)
    get_target_property(parts hawser HAWSER_PARTS)
    set(shared OFF)
    if(BUILD_SHARED_LIBS)
        set(shared ON)
    endif()
    configure_package_config_file(${PROJECT_SOURCE_DIR}/lib/package/hawser-config.cmake.in hawser-config.cmake
        INSTALL_DESTINATION ${HAWSER_CMAKE_DIR} NO_SET_AND_CHECK_MACRO)
    write_basic_package_version_file(hawser-config-version.cmake COMPATIBILITY SameMinorVersion)
    install(FILES
        ${CMAKE_CURRENT_BINARY_DIR}/hawser-config.cmake
        ${CMAKE_CURRENT_BINARY_DIR}/hawser-config-version.cmake
        DESTINATION ${HAWSER_CMAKE_DIR} COMPONENT development)
    install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)
endfunction()
