-- Files that attempts leave; their bytes are in the artifact store, at the location.
CREATE TABLE artifacts (
  artifact_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_key bigint NOT NULL,
  ordinal integer NOT NULL,
  generation integer NOT NULL,
  try_number integer NOT NULL,
  name text NOT NULL,
  size_bytes bigint NOT NULL,
  sha256 text NOT NULL,
  media_type text NOT NULL,
  location text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (run_key, ordinal, generation, try_number, name)
);

-- Where a chunk stands in its attempt's log as text, in bytes; null in logs that began before there was such a count.
ALTER TABLE log_chunks ADD COLUMN first_byte bigint, ADD COLUMN byte_count integer;
