import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import { startTestServer, type TestServer } from "#testing/test-server.ts";
import { type Child, startChild } from "./harness/child.ts";
import { type CliOptions, type CliResult, runCli } from "./harness/run-cli.ts";

export type ServiceName = "parser" | "scheduler" | "executor" | "worker" | "gateway";

/** Services in the order in which they can be started: each after those that it needs. */
const startOrder: readonly ServiceName[] = ["parser", "scheduler", "executor", "worker", "gateway"];

export interface DeploymentOptions {
  /** Folder of the definitions; a fresh empty one unless given. */
  readonly dags?: string;
  /** Definitions to begin with, by file name; only in a fresh folder. */
  readonly definitions?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** More arguments for every server command. */
  readonly args?: readonly string[];
  /** Where a cluster's services find the database, given where it is: a proxy, for instance. */
  readonly databaseUrl?: (connectionString: string) => string;
}

/** Millrace running for a test, in folders of its own, on free ports. */
export interface Deployment {
  /** The gateway's address. */
  readonly url: string;
  /** Folder of everything that it writes. */
  readonly folder: string;
  readonly dagsFolder: string;
  /** The processes by service; `dev` alone has one, under `gateway`. */
  readonly children: ReadonlyMap<ServiceName, Child>;
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
  const launch = (port: string): Promise<Child> =>
    startChild({
      args: [
        "dev",
        "--no-open",
        "--port",
        port,
        "--data-dir",
        join(place.folder, "data"),
        "--dags",
        place.dagsFolder,
        ...(options.args ?? []),
      ],
      cwd: place.folder,
      logFile: join(place.folder, "dev.log"),
      ...(options.environment === undefined ? {} : { environment: options.environment }),
    });
  const children = new Map<ServiceName, Child>([["gateway", await launch("0").catch(removing(place))]]);
  return toDeployment({ place, children, restart: (_, port) => launch(port), stopLast: async () => undefined });
}

/** Five processes and a PostgreSQL server that writes durably. */
export async function startCluster(
  options: DeploymentOptions = {},
): Promise<Deployment & { readonly database: TestServer }> {
  const place = await preparePlace(options);
  const database = await startTestServer({ durable: true });
  const children = new Map<ServiceName, Child>();
  const databaseUrl = options.databaseUrl?.(database.connectionString) ?? database.connectionString;
  const urlOf = (name: ServiceName): string => children.get(name)?.url ?? "";
  const launch = (name: ServiceName, port: string): Promise<Child> =>
    startChild({
      args: [
        ...["start", name, "--port", port, "--data-dir", join(place.folder, name), "--dags", place.dagsFolder],
        ...(name === "worker" ? ["--executors", urlOf("executor")] : []),
        ...(name === "gateway"
          ? ["--parser", urlOf("parser"), "--scheduler", urlOf("scheduler"), "--executors", urlOf("executor")]
          : []),
        ...(options.args ?? []),
      ],
      cwd: place.folder,
      logFile: join(place.folder, `${name}.log`),
      environment: {
        ...options.environment,
        ...(name === "worker" ? {} : { DATABASE_URL: databaseUrl }),
      },
    });
  const deployment = toDeployment({ place, children, restart: launch, stopLast: () => database.stop() });
  try {
    for (const name of startOrder) children.set(name, await launch(name, "0"));
  } catch (thrown) {
    await deployment.stop();
    throw thrown;
  }
  return Object.assign(deployment, { database });
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
  children: Map<ServiceName, Child>;
  restart: (service: ServiceName, port: string) => Promise<Child>;
  stopLast: () => Promise<void>;
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
      const before = children.get(service);
      if (before === undefined) throw new Error(`there is no ${service} to restart`);
      await before.kill();
      children.set(service, await parts.restart(service, new URL(before.url).port));
    },
    async readLogs() {
      const logs = [...children].map(async ([name, child]) => `--- log of ${name}\n${await child.readLog()}`);
      return (await Promise.all(logs)).join("\n");
    },
    async stop() {
      for (const name of startOrder.toReversed()) await children.get(name)?.stop();
      await parts.stopLast();
      await rm(place.folder, { recursive: true, force: true });
    },
  };
}
