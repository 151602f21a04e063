-- What a repair was answered, for its request when it comes again; null where a run is the answer.
ALTER TABLE requests ADD COLUMN answer text;

-- What the attempt that is held takes of its worker, where the run went over to another version meanwhile; null: `resources`.
ALTER TABLE task_instances ADD COLUMN held_resources jsonb;

-- The instance that a worker keeps its room for, as its executor said with its last beat.
ALTER TABLE workers ADD COLUMN reserved_run_key bigint, ADD COLUMN reserved_ordinal integer, ADD COLUMN reserved_at timestamptz;

-- Names what a task must have of its worker, empty where that is nothing. Instances that need the same wait in one lane.
CREATE FUNCTION placement_needs(labels jsonb, capabilities jsonb, resources jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN labels IS NULL AND capabilities IS NULL AND resources IS NULL THEN ''
    ELSE hashtextextended(COALESCE(labels::text, '-') || COALESCE(capabilities::text, '-') || COALESCE(resources::text, '-'), 0)::text END;
