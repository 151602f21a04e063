-- A file that the store does not remove is put off by itself, for longer each time, and the reason is shown.
ALTER TABLE unlisted_files ADD COLUMN failure_count integer NOT NULL DEFAULT 0, ADD COLUMN failure text;
CREATE INDEX unlisted_files_due ON unlisted_files (due_at);
CREATE INDEX unlisted_files_failed ON unlisted_files (failure_count) WHERE failure_count > 0;

-- Months of the append-only tables that nothing is left of. The two months before this one are left alone, and what takes more
-- than a mebibyte: to read through rows that are gone takes long, and vacuum gives their room back.
CREATE FUNCTION empty_partitions() RETURNS TABLE (parent text, partition text) LANGUAGE plpgsql STABLE AS $$
DECLARE
  has_rows boolean;
BEGIN
  FOR parent, partition IN
    SELECT p.relname, c.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent IN ('outbox'::regclass, 'log_chunks'::regclass) AND c.relname ~ '_\d{4}_\d{2}$'
        AND pg_relation_size(c.oid) <= 1048576
        AND right(c.relname, 7) < to_char((now() - interval '2 months') AT TIME ZONE 'UTC', 'YYYY_MM')
      ORDER BY 2
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', partition) INTO has_rows;
    IF NOT has_rows THEN RETURN NEXT; END IF;
  END LOOP;
END $$;

-- Looks again while nobody can write it. It locks the whole table, and so gives up soon where it would have to wait.
CREATE FUNCTION drop_partition_if_empty(parent text, partition text) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
  has_rows boolean;
BEGIN
  EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', parent);
  EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', partition) INTO has_rows;
  IF NOT has_rows THEN EXECUTE format('DROP TABLE %I', partition); END IF;
  RETURN NOT has_rows;
END $$;
