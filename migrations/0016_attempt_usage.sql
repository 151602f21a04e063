-- What the processes of an attempt used together, as far as its worker could tell.
ALTER TABLE attempts
  ADD COLUMN cpu_ms bigint,
  ADD COLUMN memory_peak_bytes bigint;
