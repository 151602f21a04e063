import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import { startChild } from "#testing/cluster/child.ts";
import type { ServiceName } from "#testing/cluster/cluster-options.ts";
import { type LocalCluster, startLocalCluster } from "#testing/cluster/local-cluster.ts";
import { type CliOptions, type CliResult, runCli } from "./harness/run-cli.ts";

export interface DeploymentOptions {
  /** Folder of the definitions; a fresh empty one unless given. */
  readonly dags?: string;
  /** Definitions to begin with, by file name; only in a fresh folder. */
  readonly definitions?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** Where a cluster's services find the database, given where it is: a proxy, for instance. Asked once. */
  readonly databaseUrl?: (connectionString: string) => string;
}

/** A server process of a deployment; `restart` of the deployment replaces it. */
export interface DeployedProcess {
  readonly pid: number;
  readonly url: string;
  kill(): Promise<void>;
  stop(): Promise<unknown>;
  readLog(): Promise<string>;
}

/** Millrace running for a test, in folders of its own, on free ports. */
export interface Deployment {
  /** The gateway's address. */
  readonly url: string;
  /** Folder of everything that it writes. */
  readonly folder: string;
  readonly dagsFolder: string;
  /** The processes by service; `dev` alone has one, under `gateway`. */
  readonly children: ReadonlyMap<ServiceName, DeployedProcess>;
  /** Writes a definition, whole at once. */
  writeDefinition(file: string, text: string): Promise<void>;
  /** A command of the CLI against this deployment. */
  cli(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** Starts a service again, on its old port, with its old folder. */
  restart(service: ServiceName): Promise<void>;
  readLogs(): Promise<string>;
  stop(): Promise<void>;
}

/** `millrace dev`: one process with its own embedded database. */
export async function startDev(options: DeploymentOptions = {}): Promise<Deployment> {
  const place = await preparePlace(options);
  const launch = (port: string): Promise<DeployedProcess> =>
    startChild({
      args: ["dev", "--no-open", "--port", port, "--data-dir", join(place.folder, "data"), "--dags", place.dagsFolder],
      cwd: place.folder,
      logFile: join(place.folder, "dev.log"),
      ...(options.environment === undefined ? {} : { environment: options.environment }),
    });
  const children = new Map([["gateway", await launch("0").catch(removing(place))] as const]);
  return toDeployment({
    place,
    children,
    restart: async () => {
      await children.get("gateway")?.kill();
      children.set("gateway", await launch(new URL(children.get("gateway")?.url ?? "").port));
    },
    stop: async () => {
      await children.get("gateway")?.stop();
    },
  });
}

/** Five processes, with one worker, and a PostgreSQL server that writes durably. */
export async function startCluster(options: DeploymentOptions = {}): Promise<Deployment> {
  const place = await preparePlace(options);
  let databaseUrl: string | null = null;
  const cluster: LocalCluster = await startLocalCluster({
    ...place,
    workers: 1,
    databaseUrl: (real) => (databaseUrl ??= options.databaseUrl?.(real) ?? real),
    ...(options.environment === undefined ? {} : { environment: options.environment }),
  }).catch(removing(place));
  const children = new Map(cluster.processes.map((one) => [one.service, one] as const));
  return toDeployment({
    place,
    children,
    restart: async (service) => {
      await children.get(service)?.kill();
      await children.get(service)?.start();
    },
    stop: () => cluster.stop(),
  });
}

/** Starts a deployment for all tests of a file; prints its logs after a test that failed, and ends it. */
export function useDeployment<T extends Deployment>(start: () => Promise<T>): () => T {
  let current: T | null = null;
  beforeAll(async () => {
    current = await start();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") process.stderr.write(`${await current?.readLogs()}\n`);
  });
  afterAll(async () => {
    await current?.stop();
  });
  return () => {
    if (current === null) throw new Error("the deployment has not started");
    return current;
  };
}

interface Place {
  readonly folder: string;
  readonly dagsFolder: string;
}

async function preparePlace({ dags, definitions }: DeploymentOptions): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-e2e-"));
  // The database runs under another account when we are root.
  await chmod(folder, 0o711);
  const dagsFolder = dags ?? join(folder, "dags");
  await mkdir(dagsFolder, { recursive: true });
  for (const [file, text] of Object.entries(definitions ?? {})) await writeFile(join(dagsFolder, file), text);
  return { folder, dagsFolder };
}

function removing(place: Place): (thrown: unknown) => Promise<never> {
  return async (thrown) => {
    await rm(place.folder, { recursive: true, force: true });
    throw thrown;
  };
}

function toDeployment(parts: {
  place: Place;
  children: ReadonlyMap<ServiceName, DeployedProcess>;
  restart: (service: ServiceName) => Promise<void>;
  stop: () => Promise<void>;
}): Deployment {
  const { place, children } = parts;
  const url = (): string => children.get("gateway")?.url ?? "";
  return {
    get url() {
      return url();
    },
    ...place,
    children,
    async writeDefinition(file, text) {
      const path = join(place.dagsFolder, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    },
    cli: (args, options) => runCli([...args, "--server", url()], { cwd: place.folder, ...options }),
    async restart(service) {
      if (!children.has(service)) throw new Error(`there is no ${service} to restart`);
      await parts.restart(service);
    },
    async readLogs() {
      const logs = [...children].map(async ([name, child]) => `--- log of ${name}\n${await child.readLog()}`);
      return (await Promise.all(logs)).join("\n");
    },
    async stop() {
      await parts.stop();
      await rm(place.folder, { recursive: true, force: true });
    },
  };
}
