/** base: what every room may use and none owns: status and error text, assertions, arena, byte buffers, hashing, clock, rng, log, config.
 *
 *  It knows nothing of medicines, couriers, sockets or SQL. Pure rooms use all of it except clock_* and log_*.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define must_use              __attribute__((warn_unused_result))
#define printf_like(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define BIT(n)                (UINT32_C(1) << (n))
#define COUNT_OF(array)       (sizeof(array) / sizeof((array)[0]))

/* ---- assertions: a bug stops the program; they stay on in release ---- */

_Noreturn void assert_failed(const char *what, const char *file, int line);
#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))
#define UNREACHABLE(why)  assert_failed(why, __FILE__, __LINE__)
#ifdef NDEBUG_SLOW
#define ASSERT_SLOW(condition) ((void)0)
#else
#define ASSERT_SLOW(condition) ASSERT(condition)
#endif

/* ---- status and error: what can go wrong while nobody has a bug ---- */

/** Operating errors, numbered as gRPC numbers its status codes (so the door needs no translation table). */
enum status {
    STATUS_OK = 0,
    STATUS_CANCELLED = 1,
    STATUS_UNKNOWN = 2,
    STATUS_INVALID_ARGUMENT = 3,    /* the caller must mend the request; error.field names the field */
    STATUS_DEADLINE_EXCEEDED = 4,
    STATUS_NOT_FOUND = 5,
    STATUS_ALREADY_EXISTS = 6,      /* same idempotency key, another request */
    STATUS_PERMISSION_DENIED = 7,
    STATUS_RESOURCE_EXHAUSTED = 8,  /* a queue or quota is full; error.retry_ms says when to come again */
    STATUS_FAILED_PRECONDITION = 9, /* the state forbids it */
    STATUS_ABORTED = 10,            /* stale version or lost race; read again */
    STATUS_OUT_OF_RANGE = 11,
    STATUS_UNIMPLEMENTED = 12,
    STATUS_INTERNAL = 13,
    STATUS_UNAVAILABLE = 14,        /* a dependency is away; error.retry_ms */
    STATUS_DATA_LOSS = 15,
    STATUS_UNAUTHENTICATED = 16,
};
const char *status_name(enum status status);

enum { ERROR_TEXT_MAX = 320, ERROR_FIELD_MAX = 64, ERROR_REASON_MAX = 48 };

/** Why an operation failed, for the one who decides. Lives on the caller's stack; never holds personal data. */
struct error {
    enum status status;
    uint32_t retry_ms;               /* 0: no hint */
    char field[ERROR_FIELD_MAX];     /* dotted proto field path, or "" */
    char reason[ERROR_REASON_MAX];   /* stable UPPER_SNAKE reason for machines, or "" */
    char text[ERROR_TEXT_MAX];       /* what happened and what to mend, UTF-8, always terminated */
};

/** Set *err (if not NULL) and return `status`, so that `return error_set(...)` and `rc = error_set(...)` read well. */
enum status error_set(struct error *err, enum status status, const char *format, ...) printf_like(3, 4);
/** The same with the field at fault: INVALID_ARGUMENT. */
enum status error_field(struct error *err, const char *field, const char *format, ...) printf_like(3, 4);
/** Name the stable reason of an error already set; returns its status. */
enum status error_reason(struct error *err, const char *reason);
/** Prefix what is already there with context: "loading map: " + text. Returns `err->status`. */
enum status error_context(struct error *err, const char *format, ...) printf_like(2, 3);

#define TRY(call)                                                                                                                        \
    do {                                                                                                                                 \
        enum status try_status_ = (call);                                                                                                \
        if (try_status_ != STATUS_OK) return try_status_;                                                                                \
    } while (0)

/* ---- memory: allocation that fails stops the program at start, and is an answer to the caller at run time ---- */

void *mem_alloc(size_t size);                      /* never NULL: out of memory is fatal (logged, abort) */
void *mem_zalloc(size_t count, size_t size);       /* zeroed, overflow-checked, never NULL */
void *mem_realloc(void *old, size_t count, size_t size);
char *mem_strdup(const char *text);

/** Memory of one message: freed whole. Not shared between threads. */
struct arena;
must_use struct arena *arena_new(size_t cap_bytes); /* cap: beyond it arena_alloc returns NULL */
void arena_free(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t size); /* 16-byte aligned, zeroed; NULL beyond the cap */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
void arena_reset(struct arena *arena);
size_t arena_used(const struct arena *arena);

/** A growing byte buffer with a cap; writers set `full` instead of failing one by one, the owner checks once. */
struct buffer {
    uint8_t *data;
    size_t size, capacity, cap;
    bool full; /* a write was refused because it would pass `cap` */
};
void buffer_init(struct buffer *buffer, size_t cap);
void buffer_deinit(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);
void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_printf(struct buffer *buffer, const char *format, ...) printf_like(2, 3);
void buffer_u8(struct buffer *buffer, uint8_t value);
void buffer_u32(struct buffer *buffer, uint32_t value);   /* little-endian */
void buffer_u64(struct buffer *buffer, uint64_t value);
void buffer_text(struct buffer *buffer, const char *text); /* u32 length + bytes */
void buffer_json_string(struct buffer *buffer, const char *text, size_t length); /* quoted and escaped */

/** Reads what buffer_* wrote. After the first short read `bad` stays set and every value is 0. */
struct reader {
    const uint8_t *data;
    size_t size, at;
    bool bad;
};
uint8_t reader_u8(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
/** Copy a text of at most `capacity - 1` bytes; longer sets `bad`. */
void reader_text(struct reader *reader, char *out, size_t capacity);

/* ---- text ---- */

/** Copy and terminate; false if it did not fit (then `out` holds what fitted, cut at a UTF-8 boundary). */
bool text_copy(char *out, size_t capacity, const char *text);
void text_format(char *out, size_t capacity, const char *format, ...) printf_like(3, 4);
bool text_is_utf8(const char *text, size_t length); /* valid UTF-8 without NUL */
must_use bool text_to_i64(const char *text, int64_t min, int64_t max, int64_t *out); /* whole text, decimal */
must_use bool text_to_double(const char *text, double min, double max, double *out);

/* ---- hashing (libcrypto's SHA-256; a fast keyless hash for tables of our own ids) ---- */

struct sha256 {
    uint8_t byte[32];
};
struct sha256 hash_sha256(const void *data, size_t size);
void hash_hex(const uint8_t *bytes, size_t count, char *out); /* out: 2 * count + 1 */
uint64_t hash_u64(uint64_t value);

/** SHA-256 in pieces. */
struct hash_stream;
must_use struct hash_stream *hash_stream_new(void);
void hash_stream_add(struct hash_stream *stream, const void *data, size_t size);
struct sha256 hash_stream_finish(struct hash_stream *stream); /* frees it */

/* ---- sealing: AES-256-GCM, for what must be kept and not be read ---- */

enum { SEAL_KEY_BYTES = 32, SEAL_NONCE_BYTES = 12, SEAL_TAG_BYTES = 16, SEAL_OVERHEAD = SEAL_NONCE_BYTES + SEAL_TAG_BYTES };
/** Seal `size` bytes: out (size + SEAL_OVERHEAD) = random nonce, ciphertext, tag. `about` is vouched for and not kept: give the same to open it, so that a sealed thing
 *  can't be put in another's place. At most 2^32 sealings a key (SP 800-38D 8.3). Any thread. */
void seal_close(const uint8_t key[SEAL_KEY_BYTES], const void *about, size_t about_size, const void *plain, size_t size, uint8_t *out);
/** False: another key, another `about`, or bytes that were changed; `out` (size - SEAL_OVERHEAD) then holds zeros. */
must_use bool seal_open(const uint8_t key[SEAL_KEY_BYTES], const void *about, size_t about_size, const void *sealed, size_t size, uint8_t *out);
/** Overwrite what must not stay in memory; the compiler may not leave it out. */
void mem_wipe(void *data, size_t size);

/* ---- clock: the only place that asks the system for the time ---- */

/** Run the clock `speed` times faster than real time from `anchor_real_ms` on (there both agree). Speed 1 is real time.
 *  Call once at start, before threads. The mapping is a pure function of real time, so a restart with the same
 *  anchor goes on where the city is. */
void clock_init(double speed, int64_t anchor_real_ms);
double clock_speed(void);
int64_t clock_now_ms(void);        /* the city's time: Unix epoch, ms */
int64_t clock_real_ms(void);       /* wall clock, Unix epoch, ms: for logs and anchors only */
int64_t clock_boot_us(void);       /* CLOCK_BOOTTIME: for leases, durations, budgets */
int64_t clock_cpu_us(void);        /* processor time of this process: for budgets that a busy machine must not shorten */
int64_t clock_thread_us(void);     /* processor time of the thread that asks */
int64_t clock_real_delay_ms(int64_t city_ms); /* how long to wait in real ms for a span of city time, at least 1 */

/* ---- rng: seeded, for plans, simulations and tests; not for secrets ---- */

struct rng {
    uint64_t s[4]; /* xoshiro256** */
};
void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_u64(struct rng *rng);
uint32_t rng_below(struct rng *rng, uint32_t bound); /* uniform in [0, bound), bound > 0 */
double rng_unit(struct rng *rng);                    /* [0, 1) */
void random_bytes(void *out, size_t size);           /* from the system, for secrets */

/* ---- log: one line, key=value, ids only, to stderr ---- */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
void log_init(enum log_level least);
void log_debug(const char *format, ...) printf_like(1, 2);
void log_info(const char *format, ...) printf_like(1, 2);
void log_warn(const char *format, ...) printf_like(1, 2);
void log_error(const char *format, ...) printf_like(1, 2);

/* ---- config: one table describes every key; the example file and README's table are printed from it ---- */

enum config_type { CONFIG_TEXT, CONFIG_INTEGER, CONFIG_BOOLEAN };
struct config_key {
    const char *name, *unit, *fallback; /* fallback: the default as text */
    enum config_type type;
    int64_t min, max;                   /* integers; for text the longest length is max (0: CONFIG_TEXT_MAX) */
    size_t offset;                      /* into the caller's struct: char[CONFIG_TEXT_MAX], int64_t or bool */
    const char *why;
};
enum { CONFIG_TEXT_MAX = 512 };
/** Defaults into `out`. */
must_use enum status config_defaults(const struct config_key *keys, size_t count, void *out, struct error *err);
/** Read `name = value` lines ('#' comments). An unknown key, a repeated key or a value out of range is INVALID_ARGUMENT with the line. */
must_use enum status config_read(const struct config_key *keys, size_t count, const char *path, void *out, struct error *err);
must_use enum status config_set(const struct config_key *keys, size_t count, const char *name, const char *value, void *out, struct error *err);
/** Whether two such structs have another value of this key; give `to` the value of `from`. */
bool config_differs(const struct config_key *key, const void *one, const void *other);
void config_copy(const struct config_key *key, const void *from, void *to);
void config_print_example(const struct config_key *keys, size_t count, struct buffer *out);
void config_print_markdown(const struct config_key *keys, size_t count, struct buffer *out);

#endif
