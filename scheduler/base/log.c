/* One line to stderr, written at once so that lines of threads don't mix. Callers write key=value, ids only. */
#include "base/base.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

static enum log_level least_level = LOG_INFO;

void log_init(enum log_level least)
{
    least_level = least;
}

printf_like(2, 0) static void write_line(enum log_level level, const char *format, va_list arguments)
{
    static const char *const NAMES[] = {"debug", "info", "warn", "error"};
    if (level < least_level) return;
    char line[LINE_MAX_BYTES];
    int64_t real_ms = clock_real_ms();
    time_t seconds = (time_t)(real_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t at = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    at += (size_t)snprintf(line + at, sizeof line - at, ".%03dZ level=%s ", (int)(real_ms % 1000), NAMES[level]);
    int more = vsnprintf(line + at, sizeof line - at - 1, format, arguments);
    if (more < 0) return;
    at += (size_t)more;
    if (at > sizeof line - 2) at = sizeof line - 2;
    for (size_t i = 0; i < at; i++)
        if (line[i] == '\n' || line[i] == '\r') line[i] = ' '; /* a message is one line, whatever a peer put into it */
    line[at++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, at);
    (void)written; /* nobody to tell */
}

#define LOG_AT(level)                                                                                                                    \
    do {                                                                                                                                 \
        va_list arguments;                                                                                                               \
        va_start(arguments, format);                                                                                                     \
        write_line(level, format, arguments);                                                                                            \
        va_end(arguments);                                                                                                               \
    } while (0)

void log_debug(const char *format, ...)
{
    LOG_AT(LOG_DEBUG);
}

void log_info(const char *format, ...)
{
    LOG_AT(LOG_INFO);
}

void log_warn(const char *format, ...)
{
    LOG_AT(LOG_WARN);
}

void log_error(const char *format, ...)
{
    LOG_AT(LOG_ERROR);
}
