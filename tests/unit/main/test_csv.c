/* RFC 4180, case by case, and what is refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/main/csv.h"

static struct csv csv;
static struct error err;

static enum status begin(const char *text)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fwrite(text, 1, strlen(text), file);
    rewind(file);
    memset(&err, 0, sizeof err);
    return csv_begin(file, "f.csv", &csv, &err);
}

/* records "a|b;c|d" of the body under a header of `columns` columns */
static void expect_records(const char *text, const char *expected)
{
    char got[512] = "";
    bool end;
    assert_int_equal(begin(text), STATUS_OK);
    for (;;) {
        assert_int_equal(csv_next(&csv, &end, &err), STATUS_OK);
        if (end) break;
        for (uint32_t i = 0; i < csv.field_count; i++) {
            strncat(got, csv.fields[i], sizeof got - strlen(got) - 1);
            strncat(got, i + 1 < csv.field_count ? "|" : ";", sizeof got - strlen(got) - 1);
        }
    }
    assert_string_equal(got, expected);
    csv_close(&csv);
}

static void expect_refused(const char *text, const char *told)
{
    bool end = false;
    enum status rc = begin(text);
    while (rc == STATUS_OK && !end) rc = csv_next(&csv, &end, &err);
    assert_int_equal(rc, STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, told));
    csv_close(&csv);
}

static void test_records(void **state)
{
    (void)state;
    expect_records("a,b\n1,2\n", "1|2;");
    expect_records("a,b\r\n1,2\r\n3,4", "1|2;3|4;");
    expect_records("\xEF\xBB\xBF" "a,b\n1,2\n", "1|2;");
    expect_records("a,b\n,\n\n1,\n", "|;1|;");
    expect_records("a,b\n\"x,y\",\"say \"\"no\"\"\"\n", "x,y|say \"no\";");
    expect_records("a,b\n\"two\nlines\",2\n", "two\nlines|2;");
    expect_records("a,b\n\"\",\"\"\n", "|;");
    expect_records("a\n甲\n", "甲;");
    expect_records("a,b\n", "");
}

static void test_what_cannot_be_is_refused_with_its_line(void **state)
{
    (void)state;
    expect_refused("", "f.csv:1: the file is empty");
    expect_refused("a,b\n1,2\n3\n", "f.csv:3: 1 fields where the header has 2");
    expect_refused("a,b\n1,2,3\n", "f.csv:2: 3 fields");
    expect_refused("a,b\n\"1,2\n", "a quote is opened and never closed");
    expect_refused("a,b\nx\"y,2\n", "f.csv:2: a quote out of place");
    expect_refused("a,b\n\"x\"y,2\n", "f.csv:2: a quote out of place");
    expect_refused("a,b\n1\r2,2\n", "f.csv:2: a carriage return");
    expect_refused("a,b\n\xff,2\n", "f.csv:2: the text is not UTF-8");
    expect_refused("a,a\n1,2\n", "f.csv:");
    expect_refused("a,b\n\"x\n\n\",1\n3\n", "f.csv:5: 1 fields"); /* lines within quotes count */
}

static void test_bounds(void **state)
{
    (void)state;
    char *text = malloc(CSV_RECORD_MAX + 100);
    memset(text, 'x', CSV_RECORD_MAX + 99);
    text[CSV_RECORD_MAX + 99] = '\0';
    memcpy(text, "a\n", 2);
    expect_refused(text, "f.csv:2: the record is longer");
    text[CSV_RECORD_MAX + 1] = '\0'; /* field and its end fill the record exactly */
    bool end;
    assert_int_equal(begin(text), STATUS_OK);
    assert_int_equal(csv_next(&csv, &end, &err), STATUS_OK);
    assert_int_equal(strlen(csv.fields[0]), CSV_RECORD_MAX - 1);
    csv_close(&csv);
    memset(text, ',', CSV_COLUMNS_MAX);
    text_copy(text + CSV_COLUMNS_MAX, 2, "\n");
    expect_refused(text, "more than 64 columns");
    free(text);
}

static void test_a_missing_file_is_not_found(void **state)
{
    (void)state;
    assert_int_equal(csv_open("/nonexistent/x.csv", &csv, &err), STATUS_NOT_FOUND);
    csv_close(&csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_records), cmocka_unit_test(test_what_cannot_be_is_refused_with_its_line),
                                       cmocka_unit_test(test_bounds), cmocka_unit_test(test_a_missing_file_is_not_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
