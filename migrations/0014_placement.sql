-- Labels that a task would like its worker to have; those that it must have are in `labels`.
ALTER TABLE task_instances ADD COLUMN preferred_labels jsonb;
