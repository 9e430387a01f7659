-- A dispatcher may give an order another priority; each change is in the event log with its reason.
SET LOCAL ROLE meddispatch_owner;

GRANT UPDATE (priority) ON orders TO meddispatch_app;
