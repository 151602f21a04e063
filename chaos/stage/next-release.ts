import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Another release of the program, in a folder of its own. */
export interface Release {
  /** Its launcher. */
  readonly program: string;
  remove(): Promise<void>;
}

const root = join(import.meta.dirname, "../..");
/** What a service needs to run. */
const parts: readonly string[] = ["bin", "cli", "gen", "libs", "migrations", "services", "package.json"];
export const nextVersion = "99.0.0";

/** What a next release may change without anybody standing still: a column, a table, an index that is built beside the work. */
const migrations: Readonly<Record<string, string>> = {
  "9001_next_release.sql": `ALTER TABLE dag_runs ADD COLUMN next_note text NOT NULL DEFAULT '';
ALTER TABLE task_instances ADD COLUMN next_mark int;
CREATE TABLE next_release (id int PRIMARY KEY);
`,
  "9002_next_index.sql": `-- builds concurrently: next_release_runs
CREATE INDEX CONCURRENTLY IF NOT EXISTS next_release_runs ON dag_runs (next_note);
`,
};

const ownProtocol = /^const protocolVersion = (\d+);$/m;

/** This tree as a next release may be: a higher version, a session protocol of the next number, migrations of its own. */
export async function createNextRelease(): Promise<Release> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-release-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    for (const part of parts)
      await cp(join(root, part), join(folder, part), {
        recursive: true,
        filter: (path) => !/\.test(?:suite)?\.ts$/.test(path),
      });
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    await change(join(folder, "package.json"), /"version": "[^"]+"/, () => `"version": "${nextVersion}"`);
    for (const file of ["services/executor/sessions/session-opening.ts", "services/worker/session-speech.ts"])
      await change(join(folder, file), ownProtocol, (number) => `const protocolVersion = ${Number(number) + 1};`);
    for (const [file, sql] of Object.entries(migrations)) await writeFile(join(folder, "migrations", file), sql);
    return { program: join(folder, "bin/millrace.js"), remove };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}

async function change(file: string, pattern: RegExp, replace: (group: string) => string): Promise<void> {
  const text = await readFile(file, "utf8");
  if (!pattern.test(text)) throw new Error(`${file} has nothing like ${pattern}: the next release can't be made of it`);
  await writeFile(
    file,
    text.replace(pattern, (_, group: string) => replace(group)),
  );
}
