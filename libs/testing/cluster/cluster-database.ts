import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { destination, pino } from "pino";
import { chooseBase, serverUser } from "#store/postgres/embedded-place.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "#store/postgres/embedded.ts";
import { readPostmasterFile } from "#store/postgres/postmaster-file.ts";

/** A unix socket's path has 107 bytes at most; the server's own name takes some of them. */
const maxSocketFolderBytes = 85;
const recoveryDeadlineMs = 60_000;
const pollMs = 20;

/** A PostgreSQL of its own that writes durably. Its address and its data stay from start to start. */
export interface ClusterDatabase {
  readonly connectionString: string;
  readonly isRunning: boolean;
  /** Fast shutdown; connections break off and new ones are refused until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
  restart(): Promise<void>;
  /** SIGKILL of the server, which recovers by itself; resolves when it answers again. */
  crash(): Promise<void>;
  /** Stops, and gives up the address for good. */
  close(): Promise<void>;
}

export async function startClusterDatabase(options: { dataDir: string; logFile: string }): Promise<ClusterDatabase> {
  await mkdir(options.dataDir, { recursive: true, mode: 0o711 });
  const logger = pino({ level: "warn" }, destination({ dest: options.logFile, sync: true }));
  const address = await createAddress(options.dataDir);
  const launch = async (): Promise<EmbeddedPostgres> => {
    const server = await startEmbeddedPostgres({ dataDir: options.dataDir, logger });
    await address.pointTo(server.connectionString);
    return server;
  };
  let current: EmbeddedPostgres | null = await launch().catch(async (thrown: unknown) => {
    await address.remove();
    throw thrown;
  });
  const connectionString = address.of(current.connectionString);
  const stop = async (): Promise<void> => {
    const stopping = current;
    current = null;
    await stopping?.stop();
  };
  const start = async (): Promise<void> => {
    if (current !== null) throw new Error("the cluster's database runs already");
    current = await launch();
  };
  return {
    connectionString,
    get isRunning() {
      return current !== null;
    },
    stop,
    start,
    restart: async () => {
      await stop();
      await start();
    },
    crash: () => crash(options.dataDir),
    close: async () => {
      await stop();
      await address.remove();
    },
  };
}

/** Each start of the server makes a folder for its socket; a link with a lasting name stands before it. */
async function createAddress(dataDir: string) {
  const preferred = join(dataDir, "socket");
  const fits = Buffer.byteLength(preferred) <= maxSocketFolderBytes;
  const folder = fits ? null : await mkdtemp(join(tmpdir(), "millrace-address-"));
  const link = folder === null ? preferred : join(folder, "socket");
  return {
    of(connectionString: string): string {
      const url = new URL(connectionString);
      url.searchParams.set("host", link);
      return url.href;
    },
    async pointTo(connectionString: string): Promise<void> {
      await rm(link, { force: true });
      await symlink(new URL(connectionString).searchParams.get("host") ?? "", link);
    },
    remove: () => rm(folder ?? link, { recursive: true, force: true }),
  };
}

async function crash(dataDir: string): Promise<void> {
  const cluster = join(await chooseBase(dataDir, serverUser()), "postgres");
  const before = await readPostmasterFile(cluster);
  if (before === null) throw new Error("the cluster's database does not run: it can't crash");
  process.kill(before.pid, "SIGKILL");
  const deadline = performance.now() + recoveryDeadlineMs;
  for (;;) {
    const now = await readPostmasterFile(cluster);
    if (now !== null && now.isReady && now.pid !== before.pid) return;
    if (performance.now() > deadline) throw new Error(`the database did not recover within ${recoveryDeadlineMs} ms`);
    await delay(pollMs);
  }
}
