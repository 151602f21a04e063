import { constants } from "node:fs";
import { copyFile, lstat, mkdir, mkdtemp, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { definitionJsonSchema } from "#definition/schema/json-schema.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import { operatorSchemas } from "#operators/registry.ts";

const examples = ["hello.yaml", "hello.test.yaml"];
const schemaFile = "dag.schema.json";

/**
 * Writes a commented example into a folder, which is made where it is missing, and the schema that its first line names.
 * Answers the paths. Throws `INVALID_ARGUMENT`, and leaves everything as it was, when something can't be written or a
 * file of the example is there already: it may be somebody's work.
 */
export async function writeExample(folder: string): Promise<readonly string[]> {
  const made = await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new AppError("INVALID_ARGUMENT", `can't make the folder ${folder}: ${describeError(cause)}`, { cause });
  });
  try {
    for (const name of examples) await refuseToReplace(join(folder, name));
    return await writeAll(folder);
  } catch (thrown) {
    if (made !== undefined) await removeMade(folder, made);
    throw thrown;
  }
}

async function refuseToReplace(path: string): Promise<void> {
  const exists = await lstat(path).then(
    () => true,
    () => false,
  );
  if (exists) throw cannotWrite(path, "it is there already; choose another folder, or move it");
}

/** The schema comes last and whole: it may replace an older one, which could not be taken back. */
async function writeAll(folder: string): Promise<readonly string[]> {
  const schemaPath = join(folder, schemaFile);
  const beside = await orRefuse(folder, mkdtemp(join(folder, ".init-")));
  const placed: string[] = [];
  try {
    const schema = `${JSON.stringify(definitionJsonSchema(operatorSchemas), null, 2)}\n`;
    await orRefuse(schemaPath, writeFile(join(beside, schemaFile), schema));
    for (const name of examples) {
      const path = join(folder, name);
      // Never in the place of what somebody has put there meanwhile.
      await orRefuse(path, copyFile(new URL(name, import.meta.url), path, constants.COPYFILE_EXCL));
      placed.push(path);
    }
    await orRefuse(schemaPath, rename(join(beside, schemaFile), schemaPath));
    return [...placed, schemaPath];
  } catch (thrown) {
    for (const path of placed) await rm(path, { force: true });
    throw thrown;
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

/** Removes the folders that were made for the example, from `folder` up to `first`, as far as they are empty. */
async function removeMade(folder: string, first: string): Promise<void> {
  for (let path = folder; path.length >= first.length; path = dirname(path)) {
    const isGone = await rmdir(path).then(
      () => true,
      () => false,
    );
    if (!isGone) return;
  }
}

function orRefuse<T>(path: string, writing: Promise<T>): Promise<T> {
  return writing.catch((cause: unknown) => {
    throw cannotWrite(path, describeError(cause), cause);
  });
}

function cannotWrite(path: string, reason: string, cause?: unknown): AppError {
  return new AppError("INVALID_ARGUMENT", `can't write ${path}: ${reason}`, { cause });
}
