-- Messages of the bus that nobody can use, kept for people (G12).
CREATE TABLE dead_letters (
  dead_letter_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic text NOT NULL,
  partition_number integer NOT NULL,
  message_offset bigint NOT NULL,
  reason text NOT NULL,
  -- Null: the message had none.
  message_key bytea,
  message_value bytea,
  -- Names and values in order; a name may come twice.
  header_names text[] NOT NULL,
  header_values bytea[] NOT NULL,
  -- Of the whole value.
  size_bytes bigint NOT NULL,
  -- Something of the message was too long to be kept.
  is_cut boolean NOT NULL,
  reported_by text NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT now(),
  replayed_at timestamptz,
  -- Messages of the topic that came when it had as many rows as are kept; counted on its newest row.
  further_count bigint NOT NULL DEFAULT 0,
  UNIQUE (topic, partition_number, message_offset)
);
CREATE INDEX dead_letters_by_topic ON dead_letters (topic, dead_letter_key);
