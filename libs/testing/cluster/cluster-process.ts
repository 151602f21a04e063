import { join } from "node:path";
import { type Child, startChild } from "./child.ts";
import type { ServiceName } from "./cluster-options.ts";

/** One service's process. It may be ended and started again, any number of times. */
export interface ClusterProcess {
  readonly service: ServiceName;
  /** From 1 on, among those of its service. */
  readonly index: number;
  /** `worker-2` */
  readonly name: string;
  /** Of its newest start. */
  readonly pid: number;
  readonly url: string;
  readonly logFile: string;
  readonly isRunning: boolean;
  /** Its exit code, or null when a signal ended it. */
  readonly exited: Promise<number | null>;
  readLog(): Promise<string>;
  /** SIGSTOP, SIGCONT, SIGKILL …; nothing when it does not run. */
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL after a deadline; resolves when it is gone. */
  stop(): Promise<void>;
  /** Again, on the same port, with the same folder and id. Rejects with the end of its log when it does not get ready. */
  start(): Promise<void>;
}

export interface ProcessPlace {
  readonly service: ServiceName;
  readonly index: number;
  /** 0: a free one, kept from then on. */
  readonly port: number;
  /** Folder of the cluster. */
  readonly folder: string;
  readonly nodeArguments: readonly string[];
}

/** What a start needs that may have changed since the last one. */
export interface ProcessLaunch {
  /** The checkout's unless given. */
  readonly program?: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Resolves when the process is ready. `prepare` is asked at each start, with the port to listen on. */
export async function startClusterProcess(
  place: ProcessPlace,
  prepare: (port: number) => ProcessLaunch,
): Promise<ClusterProcess> {
  const { service, index, folder, nodeArguments } = place;
  const name = `${service}-${index}`;
  const logFile = logFileOf(folder, name);
  const launch = (port: number): Promise<Child> =>
    startChild({ ...prepare(port), nodeArguments, cwd: folder, logFile });
  let child = await launch(place.port);
  return {
    service,
    index,
    name,
    logFile,
    get pid() {
      return child.pid;
    },
    get url() {
      return child.url;
    },
    get isRunning() {
      return child.isRunning;
    },
    get exited() {
      return child.exited;
    },
    readLog: () => child.readLog(),
    signal: (signal) => child.signal(signal),
    kill: () => child.kill(),
    async stop() {
      await child.stop();
    },
    async start() {
      if (child.isRunning) throw new Error(`${name} runs already; end it first`);
      child = await launch(Number(new URL(child.url).port));
    },
  };
}

export function logFileOf(folder: string, name: string): string {
  return join(folder, "logs", `${name}.log`);
}
