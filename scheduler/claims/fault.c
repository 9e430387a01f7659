/* Whose fault it was that a laboratory would not take a specimen: that decides who bears the next one. */
#include "claims/claims.h"

enum claims_fault claims_specimen_fault(enum fail_reason reason)
{
    switch (reason) {
    case FAIL_ABSENT:
    case FAIL_ADDRESS:
    case FAIL_REFUSED: return CLAIMS_FAULT_MEMBER;
    case FAIL_BROKEN_SEAL:
    case FAIL_TEMPERATURE:
    case FAIL_COURIER: return CLAIMS_FAULT_COURIER;
    case FAIL_NONE: /* no reason given: the laboratory had it last */
    case FAIL_NOT_READY:
    case FAIL_OTHER: return CLAIMS_FAULT_LAB;
    case FAIL_REASON_COUNT: break;
    }
    ASSERT(false && "a reason of the model");
    return CLAIMS_FAULT_LAB;
}
