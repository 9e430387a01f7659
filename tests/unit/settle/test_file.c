/* Files are there whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "settle/settle.h"

static char dir[64];

static struct buffer text(const char *bytes)
{
    struct buffer buffer;
    buffer_init(&buffer, 1 << 20);
    buffer_append(&buffer, bytes, strlen(bytes));
    return buffer;
}

static void expect_file(const char *name, const char *expected)
{
    char path[256], got[256] = "";
    text_format(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    got[fread(got, 1, sizeof got - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(got, expected);
}

static void test_file_write_makes_and_replaces(void **state)
{
    (void)state;
    struct error err = {0};
    struct buffer one = text("first, and longer"), two = text("second");
    assert_int_equal(settle_file_write(dir, "a.csv", &one, &err), STATUS_OK);
    expect_file("a.csv", "first, and longer");
    assert_int_equal(settle_file_write(dir, "a.csv", &two, &err), STATUS_OK);
    expect_file("a.csv", "second");
    char path[256];
    text_format(path, sizeof path, "%s/.a.csv.tmp", dir);
    assert_int_not_equal(access(path, F_OK), 0);
    buffer_deinit(&one);
    buffer_deinit(&two);
}

static void test_file_write_overwrites_what_a_killed_run_left(void **state)
{
    (void)state;
    struct error err = {0};
    struct buffer bytes = text("whole");
    char path[256];
    text_format(path, sizeof path, "%s/.b.csv.tmp", dir);
    FILE *file = fopen(path, "wb");
    fputs("half of something much longer than the file to be", file);
    fclose(file);
    assert_int_equal(settle_file_write(dir, "b.csv", &bytes, &err), STATUS_OK);
    expect_file("b.csv", "whole");
    buffer_deinit(&bytes);
}

static void test_file_write_leaves_a_running_one_alone(void **state)
{
    (void)state;
    struct error err = {0};
    struct buffer bytes = text("whole");
    char path[256];
    text_format(path, sizeof path, "%s/.c.csv.tmp", dir);
    int other = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(flock(other, LOCK_EX), 0);
    assert_int_equal(settle_file_write(dir, "c.csv", &bytes, &err), STATUS_ABORTED);
    close(other);
    assert_int_equal(settle_file_write(dir, "c.csv", &bytes, &err), STATUS_OK);
    buffer_deinit(&bytes);
}

static void test_file_write_follows_no_link_and_needs_its_folder(void **state)
{
    (void)state;
    struct error err = {0};
    struct buffer bytes = text("whole");
    char path[256];
    text_format(path, sizeof path, "%s/.d.csv.tmp", dir);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(settle_file_write(dir, "d.csv", &bytes, &err), STATUS_UNAVAILABLE);
    assert_int_equal(settle_file_write("/nonexistent/folder", "d.csv", &bytes, &err), STATUS_UNAVAILABLE);
    assert_non_null(strstr(err.text, "/nonexistent/folder"));
    buffer_deinit(&bytes);
}

static int setup(void **state)
{
    (void)state;
    text_format(dir, sizeof dir, "/tmp/meddispatch-settle-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    text_format(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_write_makes_and_replaces), cmocka_unit_test(test_file_write_overwrites_what_a_killed_run_left),
        cmocka_unit_test(test_file_write_leaves_a_running_one_alone), cmocka_unit_test(test_file_write_follows_no_link_and_needs_its_folder)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
