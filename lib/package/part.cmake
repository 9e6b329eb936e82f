# SPDX-License-Identifier: BSL-1.0
#
# hawser_part(TARGET NAME DESCRIPTION ...): a library that others use, hawser::NAME. Its users get its headers and the
# language level, and nothing else: no warning, no macro, no compile option. With HAWSER_INSTALL it is installed, its
# CMake targets and its pkg-config file with it (hawser.pc, hawser-NAME.pc).
#
#     REQUIRES          pkg-config packages that its headers need
#     REQUIRES_PRIVATE  pkg-config packages that it alone needs
#     LIBS_PRIVATE      what else it links
#
# A part other than hawser is a component of the package: find_package(hawser COMPONENTS NAME).
function(hawser_part TARGET NAME DESCRIPTION)
    cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "REQUIRES;REQUIRES_PRIVATE;LIBS_PRIVATE")
    target_compile_features(${TARGET} PUBLIC cxx_std_20)
    # Before 1.0 the ABI changes with the minor version. Static objects hide their symbols too: a shared library made of
    # them does not pass them on.
    set_target_properties(${TARGET} PROPERTIES
        EXPORT_NAME ${NAME}
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
        CXX_EXTENSIONS OFF
        CXX_VISIBILITY_PRESET hidden
        VISIBILITY_INLINES_HIDDEN ON
        DEFINE_SYMBOL "")
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
    set(requires ${arg_REQUIRES})
    set(requires_private ${arg_REQUIRES_PRIVATE})
    get_target_property(output ${TARGET} OUTPUT_NAME)
    if(NOT output)
        set(output ${TARGET})
    endif()
    set(libs -l${output})
    set(libs_private ${arg_LIBS_PRIVATE})
    get_target_property(type ${TARGET} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
        list(APPEND requires ${requires_private})
        list(APPEND libs ${libs_private})
        unset(requires_private)
        unset(libs_private)
    endif()
    list(JOIN requires ", " requires)
    list(JOIN requires_private ", " requires_private)
    list(JOIN libs " " libs)
    list(JOIN libs_private " " libs_private)
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
    get_target_property(type hawser TYPE)
    configure_package_config_file(${PROJECT_SOURCE_DIR}/lib/package/hawser-config.cmake.in hawser-config.cmake
        INSTALL_DESTINATION ${HAWSER_CMAKE_DIR} NO_SET_AND_CHECK_MACRO)
    write_basic_package_version_file(hawser-config-version.cmake COMPATIBILITY SameMinorVersion)
    install(FILES
        ${CMAKE_CURRENT_BINARY_DIR}/hawser-config.cmake
        ${CMAKE_CURRENT_BINARY_DIR}/hawser-config-version.cmake
        DESTINATION ${HAWSER_CMAKE_DIR} COMPONENT development)
    install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)
endfunction()
