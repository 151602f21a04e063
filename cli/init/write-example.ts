import { copyFile, constants, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { definitionJsonSchema } from "#definition/schema/json-schema.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import { operatorSchemas } from "#operators/registry.ts";

const examples = ["hello.yaml", "hello.test.yaml"];
const schemaFile = "dag.schema.json";

/**
 * Writes a commented example into a folder, which is made where it is missing, and the schema that its first line names.
 * Answers the paths. Throws `INVALID_ARGUMENT` when a file of the example is there already: it may be somebody's work.
 */
export async function writeExample(folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new AppError("INVALID_ARGUMENT", `can't make the folder ${folder}: ${describeError(cause)}`, { cause });
  });
  const paths = examples.map((name) => join(folder, name));
  for (const [place, path] of paths.entries()) {
    const source = new URL(examples[place] ?? "", import.meta.url);
    await copyFile(source, path, constants.COPYFILE_EXCL).catch((cause: unknown) => {
      const exists = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
      const reason = exists ? "it is there already; choose another folder, or move it" : describeError(cause);
      throw new AppError("INVALID_ARGUMENT", `can't write ${path}: ${reason}`, { cause });
    });
  }
  const schemaPath = join(folder, schemaFile);
  await writeFile(schemaPath, `${JSON.stringify(definitionJsonSchema(operatorSchemas), null, 2)}\n`);
  return [...paths, schemaPath];
}
