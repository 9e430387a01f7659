/* The thread: a loop, a server and a site on it, from start to stop. */
#include "internal.h"

#include <pthread.h>
#include <stdlib.h>

struct web {
    struct loop *loop;
    struct server *server;
    struct mailbox *stop;          /* anything in it: end */
    struct web_site site;
    atomic_bool ready;
    pthread_t thread;
};

static void on_stop(struct mailbox *mailbox, void *context)
{
    struct web *web = context;
    if (mailbox_take(mailbox)) loop_stop(web->loop);
}

static void *run(void *context)
{
    struct web *web = context;
    loop_run(web->loop);
    return NULL;
}

static void release(struct web *web)
{
    server_free(web->server);
    mailbox_free(web->stop);
    loop_free(web->loop);
    cache_free(web->site.cache);
    geo_tile_scratch_free(web->site.scratch);
    free(web);
}

enum status web_start(const struct web_options *options, struct web **out, struct error *err)
{
    struct web *web = mem_zalloc(1, sizeof *web);
    web->loop = loop_new();
    web->stop = mailbox_new(1);
    web->site = (struct web_site){.scratch = geo_tile_scratch_new(), .cache = cache_new(), .ready = &web->ready};
    enum status rc = STATUS_OK;
    if (!web->site.scratch) rc = error_set(err, STATUS_RESOURCE_EXHAUSTED, "no memory for tiles");
    if (rc == STATUS_OK) rc = server_new(web->loop, options->address, &web->site, &web->server, err);
    if (rc == STATUS_OK) {
        loop_watch_mailbox(web->loop, web->stop, on_stop, web);
        web->site.tiles = options->tiles;
        int failed = pthread_create(&web->thread, NULL, run, web); /* everything above happens before the thread */
        if (failed) rc = error_set(err, STATUS_RESOURCE_EXHAUSTED, "no thread for http");
    }
    if (rc != STATUS_OK) {
        release(web);
        return rc;
    }
    *out = web;
    return STATUS_OK;
}

const char *web_address(const struct web *web)
{
    return server_address(web->server);
}

void web_set_ready(struct web *web, bool ready)
{
    atomic_store(&web->ready, ready);
}

void web_stop(struct web *web)
{
    if (!web) return;
    bool posted = mailbox_post(web->stop, web);
    ASSERT(posted);
    pthread_join(web->thread, NULL);
    geo_tiles_free(web->site.tiles);
    release(web);
}
