import { formatDuration } from "#schedule/duration.ts";
import { describeSettings, type SettingDescription } from "./describe-settings.ts";
import type { Settings } from "./settings-schema.ts";

/** Settings as a file would have them, for people: durations as text, secrets masked. */
export function showSettings(settings: Settings): Readonly<Record<string, unknown>> {
  const root: Record<string, unknown> = {};
  for (const setting of describeSettings()) {
    const names = setting.name.split(".");
    const parent = names.slice(0, -1).reduce((node, name) => (node[name] ??= {}) as Record<string, unknown>, root);
    parent[names.at(-1) ?? ""] = showValue(setting, readPath(settings, setting.path));
  }
  return root;
}

/** An address without its password, wherever in it that stands; text that is no address is masked whole. */
export function maskSecret(text: string): string {
  if (!URL.canParse(text)) return "***";
  const url = new URL(text);
  if (url.password !== "") url.password = "***";
  const secretNames = [...url.searchParams.keys()].filter((name) => /pass|secret|token|key/i.test(name));
  for (const name of secretNames) url.searchParams.set(name, "***");
  return url.href;
}

function showValue({ kind, isSecret }: SettingDescription, value: unknown): unknown {
  if (isSecret && typeof value === "string") return maskSecret(value);
  if (isSecret && kind === "map") {
    const entries = Object.entries(value as Readonly<Record<string, string>>);
    return Object.fromEntries(entries.map(([name, text]) => [name, maskSecret(text)]));
  }
  return kind === "duration" && typeof value === "number" ? formatDuration(value) : value;
}

function readPath(settings: Settings, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, property) => (node as Readonly<Record<string, unknown>>)[property], settings);
}
