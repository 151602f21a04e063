-- When a ticket of a queued instance was last published, and in which life of it: a stamp of an older fence means nothing.
-- It is no part of an index, so that stamping moves no index entry.
ALTER TABLE task_instances ADD COLUMN dispatched_at timestamptz, ADD COLUMN dispatched_fence bigint;
