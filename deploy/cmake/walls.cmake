# Reads every #include of one room and fails on what ARCHITECTURE's walls forbid. Called by Rooms.cmake before the room compiles.
#   ROOM name, FILES a|b|c, NEEDS a|b, PURE bool, STAMP file to touch
cmake_policy(SET CMP0057 NEW)
string(REPLACE "|" ";" FILES "${FILES}")
string(REPLACE "|" ";" NEEDS "${NEEDS}")

# Foreign headers and their homes. A header that is neither here nor in the standard list below is refused everywhere.
set(HOMES
    "^event2/|^evhttp" "loop"
    "^nghttp2/" "rpc"
    "^openssl/(evp|rand|crypto)[.]h$" "base|rpc"
    "^openssl/" "rpc"
    "^libpq|^postgres|^pg_config|^libpq/" "store"
    "^protobuf-c/" "proto|api"
    "^zlib[.]h$" "geo_osm|rpc|web"
    "^lz4[.]h$" "geo_osm"
    "^expat[.]h$" "geo_osm|settle"
    "^metis[.]h$" "geo_order"
    "^immintrin[.]h$|^x86intrin[.]h$" "geo_core|geo_cch|geo_snap|plan|rpc"
)
set(STANDARD "^(assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|time|uchar|wchar|wctype|threads)[.]h$")
set(POSIX "^(fcntl|unistd|pthread|dirent|poll|sched|getopt|netdb|termios|pwd|grp|spawn|libgen|endian|syslog|malloc|semaphore|linux/[a-z_]+|netinet/[a-z]+|arpa/inet|net/if|sys/[a-z_]+|execinfo|sysexits)[.]h$")
# what a pure room may not even include: clocks, threads, sockets, files, text output
set(IMPURE "^(time|threads|pthread|stdio|signal|locale|stdatomic|fcntl|unistd|dirent|poll|sched|netdb|termios|pwd|spawn|syslog|semaphore|linux/.*|netinet/.*|arpa/.*|net/.*|sys/.*)[.]h$")

function(refuse file line what mend)
    message(FATAL_ERROR "${file}: `${line}`: ${what}. ${mend}")
endfunction()

foreach(file ${FILES})
    if(NOT EXISTS ${file})
        continue() # generated later by its own rule
    endif()
    get_filename_component(folder ${file} DIRECTORY)
    file(STRINGS ${file} lines REGEX "^[ \t]*#[ \t]*include")
    foreach(line ${lines})
        if(line MATCHES "include[ \t]*\"([^\"]+)\"")
            set(header ${CMAKE_MATCH_1})
            if(header MATCHES "[.][.]" OR IS_ABSOLUTE ${header})
                refuse(${file} "${line}" "a path that climbs over a wall" "Include a room's public header as \"room/room.h\"")
            elseif(header MATCHES "^([a-z_0-9]+)/([^/]+)[.]h$")
                set(other ${CMAKE_MATCH_1})
                if(NOT CMAKE_MATCH_2 STREQUAL other)
                    refuse(${file} "${line}" "a private header of room ${other}" "Only \"${other}/${other}.h\" is public")
                endif()
                if(NOT other STREQUAL ROOM AND NOT other STREQUAL "base" AND NOT other IN_LIST NEEDS)
                    refuse(${file} "${line}" "room ${ROOM} does not NEED ${other}" "Declare the arrow in the room's CMakeLists.txt if the architecture has it")
                endif()
            elseif(header MATCHES "/")
                refuse(${file} "${line}" "no room has such a header" "Include \"room/room.h\"")
            elseif(NOT EXISTS ${folder}/${header})
                refuse(${file} "${line}" "not a header of room ${ROOM}" "Write \"room/room.h\" for a room, <header.h> for a system header")
            endif()
        elseif(line MATCHES "include[ \t]*<([^>]+)>")
            set(header ${CMAKE_MATCH_1})
            set(judged FALSE)
            set(rest ${HOMES})
            while(rest)
                list(POP_FRONT rest pattern home)
                if(header MATCHES "${pattern}")
                    set(judged TRUE)
                    string(REPLACE "|" ";" home_list "${home}")
                    if(NOT ROOM IN_LIST home_list)
                        refuse(${file} "${line}" "a foreign header out of its home (${home})" "Use that room's public header instead")
                    endif()
                    break()
                endif()
            endwhile()
            if(NOT judged AND NOT header MATCHES "${STANDARD}" AND NOT header MATCHES "${POSIX}")
                refuse(${file} "${line}" "a foreign header without a home" "Give it one in deploy/cmake/walls.cmake")
            endif()
            if(PURE AND header MATCHES "${IMPURE}")
                refuse(${file} "${line}" "room ${ROOM} is pure: no clock, thread, socket or file" "Take what you need as an argument")
            endif()
        else()
            refuse(${file} "${line}" "an include that cannot be read" "Write the header's name")
        endif()
    endforeach()
    if(PURE)
        file(STRINGS ${file} calls REGEX "(^|[^a-z_])(log_(debug|info|warn|error)|clock_[a-z_]+)[ ]*\\(")
        foreach(line ${calls})
            refuse(${file} "${line}" "room ${ROOM} is pure: it neither logs nor reads the clock" "Return the fact, or take `now` as an argument")
        endforeach()
    endif()
endforeach()
file(TOUCH ${STAMP})
