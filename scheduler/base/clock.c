/* The only file that asks the system for the time. City time is a pure function of real time, set once at start. */
#include "base/base.h"

#include <time.h>

static double speed = 1;
static int64_t anchor_ms;

static int64_t read_us(clockid_t clock)
{
    struct timespec now;
    int rc = clock_gettime(clock, &now);
    ASSERT(rc == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_init(double new_speed, int64_t anchor_real_ms)
{
    ASSERT(new_speed > 0);
    speed = new_speed;
    anchor_ms = anchor_real_ms;
}

double clock_speed(void)
{
    return speed;
}

int64_t clock_real_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_now_ms(void)
{
    int64_t real_us = read_us(CLOCK_REALTIME);
    if (speed == 1) return real_us / 1000;
    return anchor_ms + (int64_t)((double)(real_us - anchor_ms * 1000) * speed / 1000);
}

int64_t clock_boot_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

int64_t clock_cpu_us(void)
{
    return read_us(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t clock_thread_us(void)
{
    return read_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_real_delay_ms(int64_t city_ms)
{
    int64_t real_ms = (int64_t)((double)city_ms / speed);
    return real_ms < 1 ? 1 : real_ms;
}
