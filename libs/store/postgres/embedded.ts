import type { ChildProcess } from "node:child_process";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describeError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import { prepareBinaries } from "./embedded-binaries.ts";
import { clearRemains, ensureCluster, superuser } from "./embedded-cluster.ts";
import { takeOwnership } from "./embedded-owner.ts";
import { chooseBase, createSocketFolder, serverUser } from "./embedded-place.ts";
import { type ServerOptions, startServer } from "./embedded-server.ts";
import { endPostmaster } from "./postmaster-file.ts";

export interface EmbeddedPostgres {
  readonly connectionString: string;
  /** Fast shutdown; resolves when the server is gone. */
  stop(): Promise<void>;
}

/** How long a server that ended by itself waits to be started again, at most. */
const maxRestartDelayMs = 10_000;

/**
 * A real PostgreSQL of our own, on a unix socket that only our user reaches, with its data below `dataDir`. As root
 * the server runs as `nobody`; what that user can't reach goes elsewhere, and the log says where. One process owns a
 * data directory at a time. The server ends with our process, also when that is killed, and comes back when it ends
 * by itself. Errors: `DATA_DIR_UNUSABLE`, `EMBEDDED_DATABASE_FAILED`.
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  logger: Logger;
  /** No fsync: for tests only. */
  unsafe?: boolean;
}): Promise<EmbeddedPostgres> {
  const { logger, unsafe = false } = options;
  const user = serverUser();
  const base = await chooseBase(options.dataDir, user);
  if (base !== resolve(options.dataDir)) {
    logger.warn(
      { data_dir: options.dataDir, folder: base },
      `the database's user cannot enter the data directory; its data is in ${base}`,
    );
  }
  const disown = await takeOwnership(base);
  let socketFolder: string | null = null;
  try {
    const binaries = await prepareBinaries(user, base);
    const cluster = await ensureCluster({ base, binaries, user, unsafe });
    const remains = await clearRemains(cluster);
    if (remains !== "nothing")
      logger.info({ folder: cluster, remains }, "cleared what an earlier process left of the database");
    socketFolder = await createSocketFolder(user);
    const logFile = join(base, "postgres.log");
    const serverOptions = { binaries, user, cluster, socketFolder, logFile, unsafe };
    const first = await startServer(serverOptions);
    logger.debug({ folder: cluster, pid: first.pid }, "embedded PostgreSQL is ready");
    return superviseServer({
      first,
      serverOptions,
      logger,
      cleanUp: async () => {
        await rm(serverOptions.socketFolder, { recursive: true, force: true });
        await disown();
      },
    });
  } catch (error) {
    if (socketFolder !== null) await rm(socketFolder, { recursive: true, force: true });
    await disown();
    throw error;
  }
}

function superviseServer(options: {
  first: ChildProcess;
  serverOptions: ServerOptions;
  logger: Logger;
  cleanUp: () => Promise<void>;
}): EmbeddedPostgres {
  const { serverOptions, logger } = options;
  const stopping = new AbortController();
  let current = options.first;
  let restart: Promise<void> = Promise.resolve();
  const watch = (server: ChildProcess): void => {
    server.once("exit", (code, signal) => {
      if (stopping.signal.aborted) return;
      logger.error(
        { code, signal, log: serverOptions.logFile },
        "the embedded PostgreSQL ended by itself and is started again",
      );
      restart = startAgain();
    });
  };
  const startAgain = async (): Promise<void> => {
    for (let pauseMs = 100; !stopping.signal.aborted; pauseMs = Math.min(pauseMs * 2, maxRestartDelayMs)) {
      try {
        await clearRemainsButSocket(serverOptions);
        current = await startServer(serverOptions);
        watch(current);
        return;
      } catch (error) {
        logger.error({ error: describeError(error) }, "the embedded PostgreSQL did not come back yet");
        await delay(pauseMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      }
    }
  };
  watch(current);
  return {
    connectionString: `postgresql://${superuser}@localhost/postgres?host=${encodeURIComponent(serverOptions.socketFolder)}&port=5432`,
    stop: async () => {
      if (stopping.signal.aborted) return;
      stopping.abort();
      await restart;
      if (current.pid !== undefined) await endPostmaster(current.pid, serverOptions.cluster);
      await options.cleanUp();
    },
  };
}

/** A server that died may have left its pid file and its socket; the folder of the socket stays for the next. */
async function clearRemainsButSocket(options: ServerOptions): Promise<void> {
  for (const file of [".s.PGSQL.5432", ".s.PGSQL.5432.lock"])
    await rm(join(options.socketFolder, file), { force: true });
  await rm(join(options.cluster, "postmaster.pid"), { force: true });
}
