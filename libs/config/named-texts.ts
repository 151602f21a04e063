import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { AppError, describeError } from "#errors/app-error.ts";

/** A text under a name, and where it stands. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
  /** For people: a variable, a file or a setting. */
  readonly source: string;
}

export interface NamedTextSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly variablePrefix: string;
  readonly directory: string | null;
  readonly configured: Readonly<Record<string, string>>;
  /** The setting that `configured` comes from. */
  readonly configuredAs: string;
}

/** All texts by canonical name; of one name the environment wins over the folder, and that over the configuration. Throws INVALID_CONFIG for a folder that can't be read. */
export function readNamedTexts(sources: NamedTextSources): ReadonlyMap<string, NamedText> {
  const { environment, variablePrefix, configured, configuredAs, directory } = sources;
  const found = new Map<string, NamedText>();
  const add = (text: NamedText): void => void found.set(canonicalName(text.name), text);
  for (const [name, text] of Object.entries(configured)) add({ name, text, source: `setting ${configuredAs}` });
  if (directory !== null) for (const file of readFolder(directory)) add(file);
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(variablePrefix) || text === undefined || text === "") continue;
    const name = variable.slice(variablePrefix.length).toLowerCase();
    if (name !== "") add({ name, text, source: `variable ${variable}` });
  }
  return found;
}

/** As names are compared: without case, and `-` is `_`, since variables have neither. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replaceAll("-", "_");
}

/** One file a name, its extension left away. Hidden files are the machinery of mounted volumes. */
function readFolder(directory: string): readonly NamedText[] {
  try {
    return readdirSync(directory)
      .filter((file) => !file.startsWith("."))
      .toSorted()
      .flatMap((file) => {
        const path = join(directory, file);
        if (!statSync(path).isFile()) return [];
        return [{ name: file.replace(/\.[A-Za-z]+$/, ""), text: readFileSync(path, "utf8"), source: `file ${path}` }];
      });
  } catch (cause) {
    throw new AppError("INVALID_CONFIG", `the folder ${directory} can't be read: ${describeError(cause)}`, { cause });
  }
}
