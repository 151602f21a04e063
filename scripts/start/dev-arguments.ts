/** How `npm start` calls the CLI, and where the server will answer. */
export interface StartPlan {
  readonly devArguments: readonly string[];
  readonly url: string;
  /** The example that is run once the server answers; null when other definitions are served. */
  readonly example: string | null;
}

const DEFAULTS: Readonly<Record<string, string>> = {
  "--dags": "examples",
  "--data-dir": ".millrace",
  "--port": "8080",
};

/** Adds what the caller did not choose: the examples, a data folder in the checkout, port 8080, no browser. */
export function planStart(flags: readonly string[]): StartPlan {
  const missing = Object.entries(DEFAULTS).filter(([name]) => flagValue(flags, name) === null);
  const host = flagValue(flags, "--host") ?? "127.0.0.1";
  const port = flagValue(flags, "--port") ?? DEFAULTS["--port"];
  return {
    devArguments: ["dev", ...missing.flat(), "--no-open", ...flags],
    url: `http://${reachableHost(host)}:${port}`,
    example: flagValue(flags, "--dags") === null ? "quickstart" : null,
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
