/* The dashboard's files: a folder read whole at the start. What is not in the table cannot be asked for, so no path leads out of it. */
#ifndef WEB_FILES_H
#define WEB_FILES_H

#include "internal.h"

enum {
    FILES_MAX = 4096,
    FILES_BYTES_MAX = 128 * 1024 * 1024,
    FILES_DEPTH_MAX = 8,
};

struct files;
/** Regular files only: what begins with a dot and what is a link is left out. X.gz and X.br beside X are its packed forms.
 *  INVALID_ARGUMENT: no such folder, or more than the bounds. */
must_use enum status files_read(const char *folder, struct files **out, struct error *err);
void files_free(struct files *files); /* NULL is fine */
uint32_t files_count(const struct files *files);
/** Answer a GET or HEAD of `path`; "/" stands for "/index.html". False: there is no such file. */
bool files_answer(struct files *files, const struct http_request *request, struct http_answer *answer, struct body **body);

#endif
