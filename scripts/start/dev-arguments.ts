import { join, resolve } from "node:path";

/** How `npm start` calls the CLI, and where the server will answer. */
export interface StartPlan {
  readonly devArguments: readonly string[];
  readonly url: string;
  /**
   * What the examples need to reach this server and a database of their own, and a log that leaves the terminal to the run;
   * variables of the caller win, and so does `--log-level`.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** The example that is run once the server answers; null when other definitions are served. */
  readonly example: string | null;
}

const DEFAULTS: Readonly<Record<string, string>> = {
  "--dags": "examples",
  "--data-dir": ".millrace",
  "--port": "8080",
};

/** At `info` each request is a line, between those of the run that it follows. */
const quiet: Readonly<Record<string, string>> = { MILLRACE_LOGGING_LEVEL: "warn" };

/** Adds what the caller did not choose: the examples, a data folder in the checkout (`root`), port 8080, no browser. */
export function planStart(flags: readonly string[], root: string): StartPlan {
  const missing = Object.entries(DEFAULTS).filter(([name]) => flagValue(flags, name) === null);
  const host = flagValue(flags, "--host") ?? "127.0.0.1";
  const port = flagValue(flags, "--port") ?? DEFAULTS["--port"];
  const address = `${reachableHost(host)}:${port}`;
  const servesExamples = flagValue(flags, "--dags") === null;
  const dataDir = resolve(root, flagValue(flags, "--data-dir") ?? DEFAULTS["--data-dir"] ?? "");
  return {
    devArguments: ["dev", ...missing.flat(), "--no-open", ...flags],
    url: `http://${address}`,
    environment: { ...quiet, ...(servesExamples ? exampleEnvironment(address, dataDir) : {}) },
    example: servesExamples ? "quickstart" : null,
  };
}

/** The connections that examples name, and leave to reach this server, which is not public. */
export function exampleEnvironment(address: string, dataDir: string): Readonly<Record<string, string>> {
  return {
    MILLRACE_CONN_EXAMPLE_SERVER: `http://${address}`,
    MILLRACE_CONN_EXAMPLE_SHOP: `sqlite://${encodeURI(join(dataDir, "example-shop.db"))}`,
    MILLRACE_OUTBOUND_ALLOW: address,
  };
}

/** Value of the last `--name value` or `--name=value`, or null. */
function flagValue(flags: readonly string[], name: string): string | null {
  for (const [index, flag] of [...flags.entries()].reverse()) {
    if (flag === name) return flags[index + 1] ?? null;
    if (flag.startsWith(`${name}=`)) return flag.slice(name.length + 1);
  }
  return null;
}

/** A server on every interface is reached on this machine by the loopback address. */
function reachableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
