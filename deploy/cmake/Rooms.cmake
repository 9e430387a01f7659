# A room is a folder with one public header, named after it. This file builds the rooms and holds the walls between them:
#
#   room(<name> SOURCES a.c b.c NEEDS base model [FOREIGN pkg-or-library ...] [PURE])
#       Builds folder <name> as a static library. Others include its public header as "<name>/<name>.h" and nothing else of it.
#       NEEDS may only name rooms declared earlier, so an include cycle cannot be written down.
#   room_program(<target> ROOM <folder name> OUTPUT <file name> SOURCES ... NEEDS ...)
#   room_test(<target> SOURCES ... NEEDS ... [FOREIGN ...] [LABELS ...] [TIMEOUT seconds] [COMMAND ...])
#
# Before a room compiles, walls.cmake reads every #include in it and fails the build on: another room's private header, a room that
# is not in NEEDS, a path with "..", a foreign header outside its home, and (PURE) a clock, thread, socket, file or log.
include_guard(GLOBAL)
include(${CMAKE_CURRENT_LIST_DIR}/Flags.cmake)
set(HOUSE_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})
set(HOUSE_PUBLIC_DIR ${CMAKE_BINARY_DIR}/public)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# The forwarding header is all that other rooms can reach: their include path never contains the room's own folder.
function(_room_forward name folder)
    file(CONFIGURE OUTPUT ${HOUSE_PUBLIC_DIR}/${name}/${name}/${name}.h
        CONTENT "/* the public face of room ${name} */\n#include \"${folder}/${name}.h\"\n")
endfunction()

function(_room_walls target name folder pure needs)
    file(GLOB headers CONFIGURE_DEPENDS ${folder}/*.h)
    set(files ${headers})
    foreach(source ${ARGN})
        cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${folder} OUTPUT_VARIABLE absolute)
        list(APPEND files ${absolute})
    endforeach()
    set(stamp ${CMAKE_CURRENT_BINARY_DIR}/${target}.walls)
    list(JOIN files "|" files_arg)
    list(JOIN needs "|" needs_arg)
    add_custom_command(OUTPUT ${stamp}
        COMMAND ${CMAKE_COMMAND} -DROOM=${name} "-DFILES=${files_arg}" "-DNEEDS=${needs_arg}" -DPURE=${pure} -DSTAMP=${stamp}
                -P ${HOUSE_CMAKE_DIR}/walls.cmake
        DEPENDS ${files} ${HOUSE_CMAKE_DIR}/walls.cmake
        COMMENT "walls of ${name}" VERBATIM)
    add_custom_target(${target}_walls DEPENDS ${stamp})
    add_dependencies(${target} ${target}_walls)
endfunction()

function(_room_needs target name)
    foreach(need ${ARGN})
        if(NOT TARGET ${need} OR NOT EXISTS ${HOUSE_PUBLIC_DIR}/${need}/${need}/${need}.h)
            message(FATAL_ERROR "room ${name} NEEDS ${need}, which is not a room declared before it")
        endif()
    endforeach()
endfunction()

function(_room_foreign target)
    foreach(library ${ARGN})
        if(library MATCHES "^pkg:(.+)$")
            set(package ${CMAKE_MATCH_1}) # the replacement below forgets the match
            string(REGEX REPLACE "[^A-Za-z0-9]" "_" key ${package})
            if(NOT TARGET PkgConfig::HOUSE_${key})
                pkg_check_modules(HOUSE_${key} REQUIRED IMPORTED_TARGET GLOBAL ${package})
            endif()
            target_link_libraries(${target} PRIVATE PkgConfig::HOUSE_${key})
        else()
            target_link_libraries(${target} PRIVATE ${library})
        endif()
    endforeach()
endfunction()

function(room name)
    cmake_parse_arguments(R "PURE" "FOLDER" "SOURCES;NEEDS;FOREIGN" ${ARGN})
    if(NOT R_FOLDER)
        set(R_FOLDER ${CMAKE_CURRENT_SOURCE_DIR})
    endif()
    if(TARGET ${name})
        message(FATAL_ERROR "room ${name} is declared twice")
    endif()
    _room_needs(${name} ${name} ${R_NEEDS})
    _room_forward(${name} ${R_FOLDER})
    # the public header must compile alone
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}_alone.c
        CONTENT "#include \"${name}/${name}.h\"\nint ${name}_header_stands_alone;\nextern int ${name}_header_stands_alone;\n")
    add_library(${name} STATIC ${R_SOURCES} ${CMAKE_CURRENT_BINARY_DIR}/${name}_alone.c)
    target_include_directories(${name} PUBLIC ${HOUSE_PUBLIC_DIR}/${name})
    target_link_libraries(${name} PUBLIC house_flags ${R_NEEDS} PRIVATE house_warnings Threads::Threads)
    _room_foreign(${name} ${R_FOREIGN})
    _room_walls(${name} ${name} ${R_FOLDER} ${R_PURE} "${R_NEEDS}" ${R_SOURCES})
endfunction()

function(room_program target)
    cmake_parse_arguments(R "" "ROOM;OUTPUT" "SOURCES;NEEDS;FOREIGN" ${ARGN})
    _room_needs(${target} ${R_ROOM} ${R_NEEDS})
    add_executable(${target} ${R_SOURCES})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${R_OUTPUT} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    target_link_libraries(${target} PRIVATE house_flags house_warnings ${R_NEEDS} Threads::Threads)
    _room_foreign(${target} ${R_FOREIGN})
    _room_walls(${target} ${R_ROOM} ${CMAKE_CURRENT_SOURCE_DIR} FALSE "${R_NEEDS}" ${R_SOURCES})
endfunction()

# A test may open the room it tests (white box), so it has no walls; cmocka and the rooms it names are all it links.
function(room_test target)
    cmake_parse_arguments(R "" "TIMEOUT" "SOURCES;NEEDS;FOREIGN;LABELS;ENVIRONMENT;ARGUMENTS" ${ARGN})
    add_executable(${target} ${R_SOURCES})
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${target} PRIVATE house_flags house_warnings ${R_NEEDS} Threads::Threads)
    _room_foreign(${target} pkg:cmocka ${R_FOREIGN})
    add_test(NAME ${target} COMMAND ${target} ${R_ARGUMENTS})
    if(NOT R_TIMEOUT)
        set(R_TIMEOUT 120)
    endif()
    # exit status 77 is a skip that has said why
    set_tests_properties(${target} PROPERTIES TIMEOUT ${R_TIMEOUT} SKIP_RETURN_CODE 77 LABELS "${R_LABELS}" ENVIRONMENT "${R_ENVIRONMENT}")
endfunction()

# A libFuzzer target: built with clang under MEDDISPATCH_FUZZ. ctest runs a short, seeded form of it, deploy/fuzz the long one. What is in corpus/<target>
# beside its sources is where it starts from.
function(room_fuzz target)
    cmake_parse_arguments(R "" "RUNS" "SOURCES;NEEDS;FOREIGN;CORPUS" ${ARGN})
    if(NOT MEDDISPATCH_FUZZ)
        return()
    endif()
    add_executable(${target} ${R_SOURCES})
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${target} PRIVATE house_flags house_warnings ${R_NEEDS} Threads::Threads)
    _room_foreign(${target} ${R_FOREIGN})
    if(NOT R_RUNS)
        set(R_RUNS 20000)
    endif()
    set(corpus)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${target})
        file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/corpus/${target}) # new finds go to the first folder
        set(corpus ${CMAKE_CURRENT_BINARY_DIR}/corpus/${target} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${target})
    endif()
    add_test(NAME ${target} COMMAND ${target} -runs=${R_RUNS} -seed=1 -rss_limit_mb=2048 -timeout=20 ${R_CORPUS} ${corpus})
    set_tests_properties(${target} PROPERTIES TIMEOUT 300 LABELS fuzz)
endfunction()
