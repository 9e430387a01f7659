# How every room is compiled: C17, GNU extensions for POSIX calls, warnings are errors, assertions stay on in release.
include_guard(GLOBAL)
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(MEDDISPATCH_SANITIZE "" CACHE STRING "sanitizers for -fsanitize=, e.g. address,undefined or thread")
option(MEDDISPATCH_FUZZ "build the libFuzzer targets (clang only)" OFF)
set(CMAKE_C_FLAGS_RELEASE "-O3 -g1")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

add_library(house_flags INTERFACE)
target_compile_definitions(house_flags INTERFACE _GNU_SOURCE)
target_compile_options(house_flags INTERFACE -fno-omit-frame-pointer -fno-strict-aliasing)
if(MEDDISPATCH_SANITIZE)
    target_compile_options(house_flags INTERFACE -fsanitize=${MEDDISPATCH_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(house_flags INTERFACE -fsanitize=${MEDDISPATCH_SANITIZE})
endif()
if(MEDDISPATCH_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
        message(FATAL_ERROR "MEDDISPATCH_FUZZ needs clang (libFuzzer)")
    endif()
    # the rooms are instrumented too: a fuzzer that cannot see into what it feeds goes nowhere
    target_compile_options(house_flags INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(house_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Generated code (protoc-c) gets house_flags alone; what we write gets the warnings too.
add_library(house_warnings INTERFACE)
target_compile_options(house_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wswitch-enum -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Wformat=2 -Wpointer-arith -Wundef -Werror)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
    # clang widens -Wconversion to sign changes of constants in macros from system headers; gcc already checks signs
    target_compile_options(house_warnings INTERFACE -Wno-sign-conversion -Wno-gnu-zero-variadic-macro-arguments)
endif()
