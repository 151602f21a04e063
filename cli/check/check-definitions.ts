import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "#definition/model.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import { compileFilePattern } from "#services/parser/file-filter.ts";
import { listFolder } from "#services/parser/list-folder.ts";
import { type DefinitionRules, readDefinition } from "#services/parser/read-definition.ts";
import { takenProblem } from "#services/parser/register-definition.ts";

export interface CheckResult {
  /** Everything found, in the order of the files. */
  readonly problems: readonly Problem[];
  readonly validCount: number;
}

/**
 * Checks files and folders as a server would: folders by the rules of discovery, files whatever their name. Of two files
 * with one id the second is an error. Throws `INVALID_ARGUMENT` for a path that can't be read.
 */
export async function checkDefinitions(
  paths: readonly string[],
  options: { rules: DefinitionRules; filePattern: string },
): Promise<CheckResult> {
  const problems: Problem[] = [];
  const owners = new Map<string, string>();
  let validCount = 0;
  for (const file of await findFiles(paths, options.filePattern, problems)) {
    const read = readDefinition(await readFile(file), file, options.rules);
    if (read.kind === "invalid") {
      problems.push(...read.problems);
      continue;
    }
    const owner = owners.get(read.definition.id);
    problems.push(...read.warnings, ...(owner === undefined ? [] : [takenProblem(read, file, owner)]));
    if (owner !== undefined) continue;
    owners.set(read.definition.id, file);
    validCount += 1;
  }
  return { problems, validCount };
}

/** Files once each, in the order of the paths; what a folder refuses becomes a problem. */
async function findFiles(
  paths: readonly string[],
  filePattern: string,
  problems: Problem[],
): Promise<ReadonlySet<string>> {
  const matches = compileFilePattern(filePattern);
  const found = new Set<string>();
  for (const path of paths) {
    if (!(await isFolder(path))) {
      found.add(path);
      continue;
    }
    const listing = await listFolder({ root: path, matches, cache: new Map() });
    for (const file of listing.files) found.add(join(path, file.path));
    for (const { path: file, code, message } of [...listing.refused, ...listing.unreadable]) {
      problems.push({ file: join(path, file), line: 1, column: 1, code, message, hint: "", warning: false });
    }
  }
  return found;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw new AppError("INVALID_ARGUMENT", `can't read ${path}: ${describeError(cause)}`, { cause });
  }
}
