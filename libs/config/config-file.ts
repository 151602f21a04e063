import { readFile } from "node:fs/promises";
import path from "node:path";
import { isMap, isNode, LineCounter, parseDocument } from "yaml";
import { closestName } from "#core/closest-name.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { SettingDescription } from "./describe-settings.ts";
import type { Environment } from "./environment.ts";

/** The text of a configuration file and the name to call it by. */
export interface ConfigFile {
  readonly name: string;
  readonly text: string;
}

/** Something wrong with a source of settings; `place` is `file:line:column`, a variable or a flag. */
export interface ConfigProblem {
  readonly place: string;
  readonly message: string;
}

/** A value of the file and where it stands. */
export interface FileValue {
  readonly value: unknown;
  readonly place: string;
}

const defaultName = "millrace.yaml";

/**
 * The configuration file: the one named by `--config`, else by `MILLRACE_CONFIG`, else `millrace.yaml` in `directory` if
 * it is there. Throws INVALID_CONFIG when a named one can't be read.
 */
export async function findConfigFile(options: {
  flag: string | null;
  environment: Environment;
  directory: string;
}): Promise<ConfigFile | null> {
  const named = options.flag ?? (options.environment["MILLRACE_CONFIG"] || null);
  const name = named ?? defaultName;
  try {
    return { name, text: await readFile(path.resolve(options.directory, name), "utf8") };
  } catch (cause) {
    if (named === null && cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw new AppError("INVALID_CONFIG", `can't read the configuration file ${name}: ${describeError(cause)}`, {
      cause,
    });
  }
}

/** The values of a configuration file by setting name, and every problem of its text and keys. */
export function readConfigFile(
  file: ConfigFile,
  settings: readonly SettingDescription[],
): { values: ReadonlyMap<string, FileValue>; problems: readonly ConfigProblem[] } {
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines });
  const placeOf = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file.name}:${line}:${col}`;
  };
  const problems = document.errors.map((error) => ({
    place: placeOf(error.pos[0]),
    message: error.message.split("\n")[0]?.replace(/ at line \d+, column \d+:$/, "") ?? error.code,
  }));
  const values = new Map<string, FileValue>();
  if (problems.length > 0 || document.contents === null) return { values, problems };
  const names = new Set(settings.map(({ name }) => name));

  const visit = (node: unknown, prefix: string, place: string): void => {
    if (!isMap(node)) {
      if (isNode(node) && node.toJS(document) === null) return;
      problems.push({ place, message: `${prefix === "" ? "the file" : prefix} must be a map of settings` });
      return;
    }
    for (const { key, value } of node.items) {
      const keyText = String(key);
      const name = prefix === "" ? keyText : `${prefix}.${keyText}`;
      const keyPlace = placeOf(isNode(key) ? (key.range?.[0] ?? 0) : 0);
      if (names.has(name)) values.set(name, { value: isNode(value) ? value.toJS(document) : value, place: keyPlace });
      else if (isSection(name, names)) visit(value, name, keyPlace);
      else problems.push({ place: keyPlace, message: unknownKey(name, names) });
    }
  };
  visit(document.contents, "", placeOf(0));
  return { values, problems };
}

function isSection(name: string, names: ReadonlySet<string>): boolean {
  return [...names].some((known) => known.startsWith(`${name}.`));
}

/** A section is proposed for a mistyped section, a setting for a mistyped setting. */
function unknownKey(name: string, names: ReadonlySet<string>): string {
  const depth = name.split(".").length;
  const candidates = new Set([...names].map((known) => known.split(".").slice(0, depth).join(".")));
  const closest = closestName(name, candidates) ?? closestName(name, names);
  const advice = closest === null ? "remove it, or see docs/configuration.md" : `did you mean ${closest}?`;
  return `${name} is not a setting; ${advice}`;
}
