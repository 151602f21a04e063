import type { LeaseStore } from "#ports/lease-store.ts";
import type { Database } from "./database.ts";

const acquire = {
  name: "acquire_lease",
  text: `INSERT INTO leases AS l (name, holder, expires_at) VALUES ($1, $2, now() + $3::bigint * interval '1 ms')
    ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, epoch = l.epoch + (l.holder <> EXCLUDED.holder)::integer, expires_at = EXCLUDED.expires_at
    WHERE l.holder = EXCLUDED.holder OR l.expires_at <= now() RETURNING epoch`,
};

const release = {
  name: "release_lease",
  text: "UPDATE leases SET expires_at = '-infinity' WHERE name = $1 AND holder = $2 AND expires_at > now()",
};

const leads = "name = $1 AND epoch = $2 AND expires_at > now()";
const readCounter = { name: "read_lease_counter", text: `SELECT counter FROM leases WHERE ${leads}` };
const writeCounter = {
  name: "write_lease_counter",
  text: `UPDATE leases SET counter = $3 WHERE ${leads} RETURNING counter`,
};

/** Leadership by rows, judged by the database clock. Holders must differ from start to start of a process. */
export function createLeaseRepository(database: Database): LeaseStore {
  return {
    async acquire({ name, holder, ttlMs }) {
      const [row] = await database.query<{ epoch: number }>(acquire, [name, holder, ttlMs]);
      return row === undefined ? null : { epoch: row.epoch };
    },
    async release({ name, holder }) {
      await database.query(release, [name, holder]);
    },
    async readCounter({ name, epoch }) {
      const [row] = await database.query<{ counter: number }>(readCounter, [name, epoch]);
      return row?.counter ?? null;
    },
    async writeCounter({ name, epoch, counter }) {
      return (await database.query(writeCounter, [name, epoch, counter])).length > 0;
    },
  };
}
