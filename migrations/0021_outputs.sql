-- What was removed of a run when its time was over, so that readers are told. The newest removal of each kind.
CREATE TABLE removals (
  run_key bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('outputs', 'artifacts', 'logs')),
  removed_at timestamptz NOT NULL DEFAULT now(),
  -- How long it was kept after the end of the run.
  retention_ms bigint NOT NULL,
  PRIMARY KEY (run_key, kind)
);

-- Places in the artifact store that no artifact names, or none yet: what is there is removed when it is due. A file that
-- is about to be stored is due a day later, so that nothing stays of it if its process dies before the file is listed.
CREATE TABLE unlisted_files (
  location text PRIMARY KEY,
  due_at timestamptz NOT NULL
);
