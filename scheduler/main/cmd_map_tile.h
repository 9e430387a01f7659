/* `meddispatch map tile`: one vector tile to a file. */
#ifndef MAIN_CMD_MAP_TILE_H
#define MAIN_CMD_MAP_TILE_H

#include <stdbool.h>

/** Draw tile "Z/X/Y" of a map into `out`; says what it did (as JSON, if asked). Returns the exit code; 1: nothing is drawn there, and no file written. */
int map_tile(const char *map_path, const char *tile, const char *out, bool json);

#endif
