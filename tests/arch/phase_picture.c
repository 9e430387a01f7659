/* Prints the life of an order as the model's table has it: README's picture must be this one. */
#include "model/model.h"

#include <stdio.h>

int main(void)
{
    struct buffer out;
    buffer_init(&out, 1 << 16);
    order_phase_print(&out);
    fwrite(out.data, 1, out.size, stdout);
    buffer_deinit(&out);
    return 0;
}
