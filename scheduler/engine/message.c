/* The messages between the door and the threads: made, owned and freed here. */
#include "internal.h"

#include <stdlib.h>

struct question *question_new(enum question_kind kind, engine_ticket ticket)
{
    struct question *question = mem_zalloc(1, sizeof *question);
    question->kind = kind;
    question->ticket = ticket;
    return question;
}

void question_free(struct question *question)
{
    if (!question) return;
    if (question->upsert) {
        arena_free(question->upsert->arena);
        free(question->upsert);
    }
    if (question->books) {
        buffer_deinit(&question->books->file);
        free(question->books);
    }
    free(question->reversal);
    if (question->road) free(question->road->points);
    free(question->road);
    free(question->points);
    free(question);
}

struct message *message_new(enum message_kind kind, engine_ticket ticket)
{
    struct message *message = mem_zalloc(1, sizeof *message);
    message->kind = kind;
    message->ticket = ticket;
    return message;
}

void message_free(struct message *message)
{
    if (!message) return;
    view_unref(message->view);
    arena_free(message->arena);
    free(message->matrix_ms);
    free(message->matrix_m);
    free(message->geojson);
    if (message->books) {
        buffer_deinit(&message->books->file);
        free(message->books->batches);
        free(message->books->recon.rows);
        free(message->books->recon.exceptions);
        free(message->books);
    }
    free(message);
}

struct view *view_ref(struct view *view)
{
    __atomic_add_fetch(&view->references, 1, __ATOMIC_RELAXED);
    return view;
}

void view_unref(struct view *view)
{
    if (!view || __atomic_sub_fetch(&view->references, 1, __ATOMIC_ACQ_REL) > 0) return;
    struct arena *arena = view->arena; /* the view lies in its own arena */
    arena_free(arena);
}

enum status question_still_asked(const struct question *question, struct error *err)
{
    if (question->give_up_us == 0 || clock_boot_us() < question->give_up_us) return STATUS_OK;
    return error_set(err, STATUS_DEADLINE_EXCEEDED, "the call's deadline passed before its turn came");
}

void to_core_free(struct to_core *to_core)
{
    if (!to_core) return;
    free(to_core->commands);
    free(to_core->orders);
    free(to_core->options);
    arena_free(to_core->arena);
    free(to_core);
}

void to_router_free(struct to_router *to_router)
{
    if (!to_router) return;
    question_free(to_router->question);
    plan_request_free(to_router->explain);
    view_unref(to_router->view);
    free(to_router->couriers);
    free(to_router);
}

void to_writer_free(struct to_writer *to_writer)
{
    if (!to_writer) return;
    fact_list_deinit(&to_writer->batch.facts);
    free(to_writer->batch.answers);
    question_free(to_writer->question);
    free(to_writer->positions);
    free(to_writer);
}
