-- Versions of templates, each from a file of the folder or pushed.
CREATE TABLE templates (
  template_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  version text NOT NULL,
  -- Null: it was pushed.
  file_path text,
  -- Of the whole content, and of what this template says.
  file_hash text NOT NULL,
  hash text NOT NULL,
  docs text NOT NULL,
  -- The whole content: several templates may stand in it.
  source_text text NOT NULL,
  is_broken boolean NOT NULL DEFAULT false,
  published_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (name, version)
);
CREATE INDEX templates_file_path ON templates (file_path);

-- What a DAG was made from; rows of archived DAGs stay.
CREATE TABLE template_instances (
  dag_id text PRIMARY KEY REFERENCES dags (dag_id) ON DELETE CASCADE,
  instance_name text NOT NULL,
  template_name text NOT NULL,
  template_version text NOT NULL,
  version_range text NOT NULL,
  given_id text,
  file_path text,
  file_hash text NOT NULL,
  version_hash text NOT NULL,
  parameters jsonb NOT NULL,
  -- Every template behind it as name@version.
  uses text[] NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);
