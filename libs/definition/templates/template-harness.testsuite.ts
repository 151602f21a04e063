import { z } from "zod";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { Json, Problem } from "../model.ts";
import { readDefinitionDocuments } from "./definition-documents.ts";
import { instantiate, type Instantiation } from "./instantiate.ts";
import type { TemplateCatalog } from "./template-catalog.ts";

export const operators: OperatorSchemas = new Map([
  ["noop", { fields: z.strictObject({}), code: {}, description: "nothing" }],
  [
    "bash",
    {
      fields: z.strictObject({
        bash_command: z.string(),
        working_directory: z.string().optional(),
        note: z.unknown().optional(),
      }),
      code: { bash_command: "shell" as const },
      description: "shell",
    },
  ],
  [
    "python",
    {
      fields: z.strictObject({ python_code: z.string() }),
      code: { python_code: "python" as const },
      description: "py",
    },
  ],
  ["sql", { fields: z.strictObject({ query: z.string() }), code: { query: "sql" as const }, description: "sql" }],
]);

export const rules = { operators, maxTaskTimeoutMs: 24 * 3_600_000 };

/** The templates of files whose names are the keys. Throws when one has errors. */
export function catalogOf(files: Readonly<Record<string, string>>): TemplateCatalog {
  const templates = Object.entries(files).flatMap(([file, text]) => {
    const read = readDefinitionDocuments(text, file);
    const error = read.problems.find((problem) => !problem.warning);
    if (error !== undefined) throw new Error(describe(error));
    return read.templates;
  });
  return { templates, broken: [] };
}

/** Makes the definition of an instance file `orders.yaml`. */
export function make(instance: string, files: Readonly<Record<string, string>>): Instantiation {
  const read = readDefinitionDocuments(instance, "orders.yaml");
  if (read.instance === null || read.problems.some((problem) => !problem.warning))
    throw new Error(read.problems.map(describe).join("\n"));
  return instantiate(read.instance, { ...rules, catalog: catalogOf(files), instanceName: "orders" });
}

/** An instance as a file would say it; JSON is YAML, so that any value gets through. */
export function instanceOf(name: string, parameters: Readonly<Record<string, Json>> = {}, version?: string): string {
  return JSON.stringify({ from_template: { name, parameters, ...(version === undefined ? {} : { version }) } });
}

export function describe({ file, line, column, code, message, hint }: Problem): string {
  return `${file}:${line}:${column} ${code} ${message}${hint === "" ? "" : ` (${hint})`}`;
}
