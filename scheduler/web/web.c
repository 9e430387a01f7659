/* The thread: a loop, a server and a site on it, from start to stop; and the gate, on the calls' loop. */
#include "files.h"
#include "gate.h"
#include "internal.h"

#include <pthread.h>
#include <stdlib.h>

struct web {
    struct loop *loop;
    struct server *server;
    struct mailbox *stop;          /* anything in it: end */
    struct mailbox *back;          /* guests that the gate has served; server.c takes them */
    struct gate *gate;             /* NULL: no calls */
    struct policy policy;
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
    gate_free(web->gate);
    server_free(web->server);
    mailbox_free(web->back);
    mailbox_free(web->stop);
    loop_free(web->loop);
    cache_free(web->site.cache);
    files_free(web->site.files);
    geo_tile_scratch_free(web->site.scratch);
    free(web);
}

static void start_gate(struct web *web, const struct web_options *options)
{
    struct gate_options wishes = {.loop = options->calls_loop, .calls = options->calls, .policy = &web->policy, .guests_max = CONNECTIONS_MAX,
                                  .metrics = options->metrics, .metrics_context = options->metrics_context};
    web->back = wishes.back = mailbox_new(CONNECTIONS_MAX);
    web->gate = gate_new(&wishes);
    server_set_gate(web->server, web->gate, web->back);
    web->site.has_gate = true;
    web->site.has_metrics = options->metrics != NULL;
}

static enum status prepare(struct web *web, const struct web_options *options, struct error *err)
{
    web->site = (struct web_site){.scratch = geo_tile_scratch_new(), .cache = cache_new(), .ready = &web->ready, .policy = &web->policy};
    if (!web->site.scratch) return error_set(err, STATUS_RESOURCE_EXHAUSTED, "no memory for tiles");
    TRY(policy_read(&web->policy, options->hosts, options->origins, err));
    if (options->files) TRY(files_read(options->files, &web->site.files, err));
    TRY(server_new(web->loop, options->address, &web->site, &web->server, err));
    if (options->calls) start_gate(web, options);
    return STATUS_OK;
}

enum status web_start(const struct web_options *options, struct web **out, struct error *err)
{
    struct web *web = mem_zalloc(1, sizeof *web);
    web->loop = loop_new();
    web->stop = mailbox_new(1);
    enum status rc = prepare(web, options, err);
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
