import { resolve } from "node:path";
import { parseArgs } from "node:util";

/** What `up` starts. Folders are absolute. */
export interface ClusterPlan {
  readonly parsers: number;
  readonly schedulers: number;
  readonly executors: number;
  readonly workers: number;
  readonly gateways: number;
  readonly brokers: 0 | 1 | 3;
  readonly dags: string;
  /** The examples are served, which need to be told of this cluster. */
  readonly servesExamples: boolean;
  readonly port: number;
  /** Folder of everything that the cluster keeps. */
  readonly folder: string;
}

export type ClusterCommand =
  | { readonly command: "help" }
  | { readonly command: "wrong"; readonly message: string }
  | { readonly command: "up"; readonly plan: ClusterPlan }
  | { readonly command: "status" | "down"; readonly folder: string };

const maxOfService = 50;

export const clusterHelp = `A Millrace cluster on this machine: real processes, a PostgreSQL and Apache Kafka, all on loopback addresses.

  scripts/cluster [up] [flags]   starts it, says what runs where, and keeps it until Ctrl-C
  scripts/cluster status         what runs, with process numbers, addresses and logs
  scripts/cluster down           ends it from another terminal

Flags of up:
  --executors N    executors (default: 2)
  --workers N      workers (default: 2)
  --parsers N      parsers (default: 1)
  --schedulers N   schedulers, of which one leads (default: 1)
  --gateways N     gateways (default: 1)
  --brokers N      Kafka nodes: 1, 3, or 0 for none, when work goes over the sessions alone (default: 1)
  --dags DIR       folder of the definitions (default: the checkout's examples)
  --port PORT      port of the first gateway; the others take free ones (default: 8080)

Flag of all:
  --data DIR       folder of database, logs and worker files, kept for the next time (default: .millrace/cluster
                   in the checkout); a second cluster takes another folder and another port

Variables MILLRACE_… of yours reach every service, as MILLRACE_WORKER_LEASE=3s scripts/cluster; docs/configuration.md
has them all. Java 17 and Maven bring the broker: the first start fetches it, 45 MB, into .cache of the checkout.

Exit codes: 0 fine; 1 it could not start, or nothing runs (status); 2 wrong arguments; 127 Java or Maven is missing.`;

const flags = {
  executors: { type: "string", default: "2" },
  workers: { type: "string", default: "2" },
  parsers: { type: "string", default: "1" },
  schedulers: { type: "string", default: "1" },
  gateways: { type: "string", default: "1" },
  brokers: { type: "string", default: "1" },
  dags: { type: "string" },
  port: { type: "string", default: "8080" },
  data: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

const upFlags: ReadonlySet<string> = new Set(Object.keys(flags).filter((name) => name !== "data" && name !== "help"));

/** Folders that are given are read from the working directory, those that are not from the checkout (`root`). */
export function parseClusterArguments(
  args: readonly string[],
  { root, directory }: { root: string; directory: string },
): ClusterCommand {
  try {
    const { values, positionals, tokens } = parseArgs({
      args: [...args],
      options: flags,
      allowPositionals: true,
      tokens: true,
    });
    const [command = "up", ...more] = positionals;
    if (values.help || command === "help") return { command: "help" };
    if (more.length > 0) return wrong(`there is nothing to do with ${more.join(" ")}`);
    const folder = values.data === undefined ? resolve(root, ".millrace/cluster") : resolve(directory, values.data);
    if (command === "status" || command === "down") {
      const foreign = tokens.find((token) => token.kind === "option" && upFlags.has(token.name));
      return foreign === undefined ? { command, folder } : wrong(`${command} takes --data alone`);
    }
    if (command !== "up") return wrong(`there is no command ${command}: up, status or down`);
    const plan: ClusterPlan = {
      parsers: readCount("parsers", values.parsers),
      schedulers: readCount("schedulers", values.schedulers),
      executors: readCount("executors", values.executors),
      workers: readCount("workers", values.workers),
      gateways: readCount("gateways", values.gateways),
      brokers: readBrokers(values.brokers),
      dags: values.dags === undefined ? resolve(root, "examples") : resolve(directory, values.dags),
      servesExamples: values.dags === undefined,
      port: readNumber("port", values.port, { min: 1, max: 65_535 }),
      folder,
    };
    return { command: "up", plan };
  } catch (thrown) {
    // What Node adds is about arguments that begin with a hyphen.
    return wrong((thrown instanceof Error ? thrown.message : String(thrown)).replace(/\. To specify.*/s, ""));
  }
}

function wrong(message: string): ClusterCommand {
  return { command: "wrong", message };
}

function readCount(name: string, text: string): number {
  return readNumber(name, text, { min: 1, max: maxOfService });
}

function readBrokers(text: string): 0 | 1 | 3 {
  if (text === "0" || text === "1" || text === "3") return Number(text) as 0 | 1 | 3;
  throw new Error(`--brokers is 0, 1 or 3, found ${text}`);
}

function readNumber(name: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Error(`--${name} is a number from ${min} to ${max}, found ${text}`);
}
