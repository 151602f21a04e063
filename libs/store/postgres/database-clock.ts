import type { Database } from "./database.ts";

const readClock = {
  name: "read_clock",
  text: "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS at",
};

const samples = 3;
const intervalMs = 15_000;

export interface DatabaseClock {
  now(): number;
  close(): void;
}

/**
 * An estimate of the database's clock: our monotonic clock plus an offset that is measured now and then. Of several
 * answers the quickest counts, since it errs by half of its round trip at most. Whole milliseconds.
 */
export async function startDatabaseClock(database: Database): Promise<DatabaseClock> {
  let offset = await measureOffset(database, samples);
  const timer = setInterval(() => {
    measureOffset(database, 1).then(
      (measured) => {
        offset = measured;
      },
      () => undefined, // While the database is away the last offset serves.
    );
  }, intervalMs);
  timer.unref();
  return {
    now: () => Math.floor(performance.now() + offset),
    close: () => clearInterval(timer),
  };
}

async function measureOffset(database: Database, count: number): Promise<number> {
  let best = { roundTripMs: Number.POSITIVE_INFINITY, offset: 0 };
  for (let sample = 0; sample < count; sample += 1) {
    const before = performance.now();
    const [row] = await database.query<{ at: number }>(readClock, []);
    const roundTripMs = performance.now() - before;
    if (row !== undefined && roundTripMs < best.roundTripMs)
      best = { roundTripMs, offset: row.at - before - roundTripMs / 2 };
  }
  return best.offset;
}
