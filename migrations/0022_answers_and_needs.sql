-- What a repair was answered, for its request when it comes again; null where a run is the answer.
ALTER TABLE requests ADD COLUMN answer text;

-- What the attempt that is held takes of its worker, where the run went over to another version meanwhile; null: `resources`.
ALTER TABLE task_instances ADD COLUMN held_resources jsonb;

-- The instance that a worker keeps its room for, as its executor said with its last beat.
ALTER TABLE workers ADD COLUMN reserved_run_key bigint, ADD COLUMN reserved_ordinal integer, ADD COLUMN reserved_at timestamptz;
