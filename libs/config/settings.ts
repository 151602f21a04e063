import assert from "node:assert/strict";
import { closestName } from "#core/closest-name.ts";
import { AppError } from "#errors/app-error.ts";
import { formatDuration, parseDuration } from "#schedule/duration.ts";
import { type ConfigFile, type ConfigProblem, type FileValue, readConfigFile } from "./config-file.ts";
import { describeSettings, type SettingDescription } from "./describe-settings.ts";
import type { Environment } from "./environment.ts";
import { minBeatsInLease, type Settings, settingsSchema } from "./settings-schema.ts";

/** Where settings come from; `flags` by the flag's name in camel case, as a command line parser gives them. */
export interface SettingSources {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Environment;
  readonly file: ConfigFile | null;
}

/** Names that begin like a setting's variable and are none: a task's own, tokens, and those for connections and tests. */
const otherVariables =
  /^MILLRACE_(CONFIG|RUN_ID|DAG_ID|TASK_ID|TRY_NUMBER|LOGICAL_DATE|IDEMPOTENCY_KEY|OUTPUT|ARTIFACTS|TMPDIR|DAG_DIR|(ATTEMPT_)?TOKEN|(CONN|SECRET|TEST)_.*)$/;

/** Where a value stands that nobody gave. */
const defaultPlace = "default";

/** Longer values are cut in messages. */
const maxShownLength = 80;

/**
 * Settings from flags, else environment, else file, else defaults. Throws one INVALID_CONFIG with every problem in its
 * message and in `details.problems`: unknown keys and variables with the closest name, and values that don't fit.
 */
export function resolveSettings(sources: SettingSources): Settings {
  const settings = describeSettings();
  const file =
    sources.file === null
      ? { values: new Map<string, FileValue>(), problems: [] }
      : readConfigFile(sources.file, settings);
  const problems = [...file.problems, ...unknownVariables(sources.environment, settings)];
  const found = new Map<string, FoundValue>();
  for (const setting of settings) found.set(setting.path.join("."), findValue(setting, sources, file.values));
  fitHeartbeat(found);
  const parsed = settingsSchema.safeParse(toTree(found));
  for (const issue of parsed.error?.issues ?? []) {
    const source = found.get(issue.path.join("."));
    assert(source !== undefined, `no setting is at ${issue.path.join(".")}`);
    problems.push({ place: source.place, message: describeIssue(source, issue.message) });
  }
  if (parsed.success && problems.length === 0) return parsed.data;
  const lines = problems.map(({ place, message }) => `${place}: ${message}`);
  throw new AppError("INVALID_CONFIG", `the configuration is wrong: ${lines.join("\n")}`, { details: { problems } });
}

interface FoundValue extends FileValue {
  readonly setting: SettingDescription;
}

function findValue(
  setting: SettingDescription,
  { flags, environment }: SettingSources,
  fileValues: ReadonlyMap<string, FileValue>,
): FoundValue {
  const flagged = setting.flag === null ? undefined : flags[toCamelCase(setting.flag)];
  if (flagged !== undefined) return { setting, value: flagged, place: `--${setting.flag}` };
  // An empty variable counts as unset, as shells and container files can't always remove one.
  const variable = environment[setting.environmentVariable];
  if (variable !== undefined && variable !== "") {
    return { setting, value: variable, place: setting.environmentVariable };
  }
  const written = fileValues.get(setting.name);
  return written === undefined ? { setting, value: setting.fallback(), place: defaultPlace } : { setting, ...written };
}

function toTree(found: ReadonlyMap<string, FoundValue>): object {
  const root: Record<string, unknown> = {};
  for (const { setting, value } of found.values()) {
    const sections = setting.path.slice(0, -1);
    const parent = sections.reduce((node, section) => (node[section] ??= {}) as Record<string, unknown>, root);
    parent[setting.path.at(-1) ?? ""] = value;
  }
  return root;
}

/** A lease that was made shorter takes the default heartbeat with it, so that enough beats fit. */
function fitHeartbeat(found: Map<string, FoundValue>): void {
  const heartbeat = found.get("worker.heartbeatIntervalMs");
  const lease = found.get("worker.leaseMs");
  assert(heartbeat !== undefined && lease !== undefined, "the worker has a lease and a heartbeat");
  const leaseMs = typeof lease.value === "string" ? parseDuration(lease.value) : null;
  const heartbeatMs = typeof heartbeat.value === "string" ? parseDuration(heartbeat.value) : null;
  if (heartbeat.place !== defaultPlace || leaseMs === null || heartbeatMs === null) return;
  const fittingMs = Math.max(1, Math.min(heartbeatMs, Math.floor(leaseMs / minBeatsInLease)));
  found.set("worker.heartbeatIntervalMs", { ...heartbeat, value: formatDuration(fittingMs) });
}

function describeIssue({ setting, value }: FoundValue, rule: string): string {
  const shown = setting.isSecret ? "" : `, found ${(JSON.stringify(value) ?? "nothing").slice(0, maxShownLength)}`;
  return `${setting.name} (variable ${setting.environmentVariable}) ${rule}${shown}`;
}

function unknownVariables(environment: Environment, settings: readonly SettingDescription[]): ConfigProblem[] {
  const known = new Set(settings.map(({ environmentVariable }) => environmentVariable));
  return Object.keys(environment)
    .filter((name) => name.startsWith("MILLRACE_") && !known.has(name) && !otherVariables.test(name))
    .map((name) => {
      const bare = name.slice("MILLRACE_".length);
      const closest = known.has(bare) ? bare : closestVariable(bare, known);
      const advice = closest === null ? "unset it, or see docs/configuration.md" : `did you mean ${closest}?`;
      return { place: name, message: `no setting has this variable; ${advice}` };
    });
}

/** Compares without the prefix, which would make all names look alike. */
function closestVariable(bare: string, known: ReadonlySet<string>): string | null {
  const byBareName = new Map([...known].map((name) => [name.replace(/^MILLRACE_/, ""), name]));
  return byBareName.get(closestName(bare, byBareName.keys()) ?? "") ?? null;
}

function toCamelCase(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
