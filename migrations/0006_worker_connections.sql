-- The newest stream that a worker's incarnation has opened: the hello of one that it gave up may arrive late.
ALTER TABLE workers ADD COLUMN connection bigint NOT NULL DEFAULT 0;
