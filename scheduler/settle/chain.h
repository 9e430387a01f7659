/* Inside settle: the export's lines and the machine that checks them one by one. Bounded memory: one line and one running hash.
 *
 *   H <tab> meddispatch-ledger <tab> version <tab> city
 *   A <tab> account id <tab> kind <tab> owner                       for people; what the chain holds are account ids
 *   D <tab> day <tab> entries <tab> sum <tab> previous <tab> hash   a sealed business day, then its entries in order:
 *   E <tab> entry day at_ms kind debit credit amount currency claim line order reverses source key row-hash
 *   T <tab> entries <tab> days
 *
 * Days are days since 1970-01-01; 0 stands for "none" in claim, line, order, reverses. */
#ifndef SETTLE_CHAIN_H
#define SETTLE_CHAIN_H

#include "settle.h"

#define CHAIN_MAGIC "meddispatch-ledger"
#define CHAIN_HEAD_MAGIC "meddispatch-ledger-head"
enum { CHAIN_VERSION = 1, CHAIN_TEXT_MAX = 160, CHAIN_HEAD_MAX = 160 };

struct chain_verify {
    uint32_t city;
    uint64_t line, rows, blocks, last_entry;
    int32_t day;
    struct sha256 previous;          /* the hash of the last whole day; zero before the first */
    struct hash_stream *block;       /* the day under way; NULL none */
    uint64_t told_rows, block_rows;
    int64_t told_fen, block_fen;
    struct sha256 told_hash;
    bool ended;
    bool head_set, head_seen;
    uint32_t head_city;
    int32_t head_day;
    struct sha256 head;
};

void chain_verify_init(struct chain_verify *v);
void chain_verify_deinit(struct chain_verify *v);
/** The head that the chain must pass through: the text of a head file. INVALID_ARGUMENT if it is none. */
must_use enum status chain_verify_against(struct chain_verify *v, const char *text, size_t size, struct error *err);
/** The next line without its end. DATA_LOSS (reason CHAIN_BROKEN) says where and what. */
must_use enum status chain_verify_line(struct chain_verify *v, const char *line, size_t size, struct error *err);
must_use enum status chain_verify_end(struct chain_verify *v, struct error *err);
/** The head file of a sealed day. */
void chain_head_text(uint32_t city, const struct ledger_block *block, char out[CHAIN_HEAD_MAX]);

#endif
