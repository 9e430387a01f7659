/* Goods that come back after posting: how much of a line's benefit and member share goes back with them. */
#include "claims/claims.h"

/* (amount x q + n/2) / n of DOMAIN.md §2: what q of n units carry, cumulatively, so that q = n gives the amount itself. */
static int64_t share_of_units(int64_t amount_fen, uint32_t q, uint32_t n)
{
    return (int64_t)(((__int128)amount_fen * q + n / 2) / n);
}

bool claims_reverse_line(const struct claim *claim, uint32_t line, uint32_t returned, struct claims_reversal *out)
{
    ASSERT(line < claim->line_count);
    const struct claim_line *of = &claim->lines[line];
    *out = (struct claims_reversal){.quantity_after = of->reversed_quantity};
    ASSERT(of->reversed_quantity <= of->quantity);
    if (returned == 0 || returned > of->quantity - of->reversed_quantity) return false;
    uint32_t before = of->reversed_quantity, after = before + returned;
    int64_t benefit_fen = share_of_units(of->benefit_fen, after, of->quantity) - of->reversed_fen;
    ASSERT(benefit_fen >= 0);
    out->benefit_fen = benefit_fen;
    out->member_fen = share_of_units(of->member_fen, after, of->quantity) - share_of_units(of->member_fen, before, of->quantity);
    out->quantity_after = after;
    return true;
}
