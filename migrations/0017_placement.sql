-- What tasks ask of their worker's host, null where they ask for nothing, and what the hosts of workers have. `resources` of an
-- instance is what an attempt of it takes.
ALTER TABLE task_instances ADD COLUMN capabilities jsonb;
ALTER TABLE workers
  ADD COLUMN host_capabilities text[] NOT NULL DEFAULT '{}',
  ADD COLUMN resources jsonb NOT NULL DEFAULT '{}';

-- As `hasRoom` of libs/core/resource-amounts.ts: what is not named is 0.
CREATE FUNCTION has_room(room jsonb, wanted jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT COALESCE((wanted->>'milliCpus')::numeric, 0) <= COALESCE((room->>'milliCpus')::numeric, 0)
    AND COALESCE((wanted->>'memoryBytes')::numeric, 0) <= COALESCE((room->>'memoryBytes')::numeric, 0)
    AND COALESCE((wanted->>'diskBytes')::numeric, 0) <= COALESCE((room->>'diskBytes')::numeric, 0)
    AND COALESCE((wanted->>'gpus')::numeric, 0) <= COALESCE((room->>'gpus')::numeric, 0)
$$;
