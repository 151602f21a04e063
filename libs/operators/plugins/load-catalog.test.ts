import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { createTestContext } from "../operator-context.testsuite.ts";
import { builtInCatalog, createCatalog } from "../operator-catalog.ts";
import { loadCatalog } from "./load-catalog.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-plugins-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const double = `
export const operators = [{
  type: "acme.double",
  description: "Twice a number.",
  schema: {
    type: "object", additionalProperties: false, required: ["n"],
    properties: { n: { type: "integer" }, unit: { type: "string", default: "m" } },
  },
  defaultRetries: 4,
  execute: ({ config, logger }) => { logger.info("doubling"); return config.n * 2 + config.unit; },
}];
`;

async function run(plugins: readonly string[], type: string, config: Record<string, unknown>) {
  const catalog = await loadCatalog(plugins, folder);
  const operator = catalog.find(type);
  if (operator === undefined) throw new Error(`no ${type} among ${catalog.types.join(", ")}`);
  return operator.execute(createTestContext({ config }));
}

test("a file's operator is checked, run, and known by its schema", async () => {
  write("plugins/double.mjs", double);

  const catalog = await loadCatalog(["plugins/double.mjs"], folder);

  expect(await run(["plugins/double.mjs"], "acme.double", { n: 21 })).toMatchObject({
    outputs: { return_value: "42m" },
  });
  expect(catalog.types).toContain("bash");
  expect(catalog.schemas.get("acme.double")).toMatchObject({ description: "Twice a number.", defaultRetries: 4 });
  const fields = catalog.schemas.get("acme.double")?.fields ?? z.never();
  expect(fields.safeParse({ n: 1, m: 1 }).success).toBe(false);
  expect(z.toJSONSchema(fields, { io: "input" }).properties).toHaveProperty("n");
});

test("what an expression came to is checked by the schema before the operator runs", async () => {
  write("plugins/double.mjs", double);

  expect(await run(["./plugins/double.mjs"], "acme.double", { n: "x" })).toMatchObject({
    kind: "failed",
    code: "configuration",
    message: expect.stringContaining("operator.n: "),
  });
});

test("a schema may be one of zod, also of another copy of it", async () => {
  const zod = import.meta.resolve("zod");
  write(
    "own.mjs",
    `import { z } from "${zod}"; export const operators = [{type: "own", schema: z.strictObject({a: z.string()}), execute: (c) => c.config.a}];`,
  );

  expect(await run(["own.mjs"], "own", { a: "b" })).toMatchObject({ outputs: { return_value: "b" } });
});

test.each([
  ["for require too", { main: "index.js", type: "module" }],
  ["for import alone", { type: "module", exports: { ".": { import: "./index.js" } } }],
])("a package %s is found around the folder", async (_, manifest) => {
  write("node_modules/@acme/operators/package.json", JSON.stringify({ name: "@acme/operators", ...manifest }));
  write("node_modules/@acme/operators/index.js", double);

  expect(await run(["@acme/operators"], "acme.double", { n: 1 })).toMatchObject({ kind: "success" });
});

test("a plugin's middlewares run around what they are for", async () => {
  write("double.mjs", double);
  write(
    "around.mjs",
    `export const middlewares = [{type: "acme.double", middleware: async (c) => { await c.next(); c.setResult("seen"); }}];`,
  );

  expect(await run(["double.mjs", "around.mjs"], "acme.double", { n: 1 })).toMatchObject({
    outputs: { return_value: "seen" },
  });
});

test("an operator that uses processes gets them from the runner", async () => {
  write(
    "process.mjs",
    `export const operators = [{type: "p", schema: {type: "object"}, usesProcesses: true,
      execute: async ({ runProcess }) => (await runProcess({file: "wc", args: ["-l"], environment: {A: "1"}})).exitCode}];`,
  );
  const catalog = await loadCatalog(["process.mjs"], folder);
  const started: unknown[] = [];
  const context = createTestContext({
    environment: { B: "2" },
    workingDirectory: "/work",
    startProcess: (options) => {
      started.push(options);
      const end = { exitCode: 7, signal: null, lastStdoutLine: "", stderrTail: "" };
      return Promise.resolve({ ...end, stoppedBy: null, breach: null, failure: null });
    },
  });

  expect(catalog.find("p")?.inProcess).toBe(false);
  expect(await catalog.find("p")?.execute(context)).toMatchObject({ outputs: { return_value: 7 } });
  expect(started).toEqual([{ file: "wc", args: ["-l"], environment: { A: "1", B: "2" }, cwd: "/work" }]);
});

test.each([
  ["away.mjs", null, /away\.mjs.*the import of .*failed: Cannot find module/],
  ["@acme/away", null, /the import failed: Cannot find module '@acme\/away'/],
  ["broken.mjs", "export const operators = [", /the import of .*broken\.mjs failed/],
  ["throws.mjs", "throw new Error('no license')", /failed: no license/],
  ["empty.mjs", "export const x = 1;", /must export a list `operators`/],
  ["list.mjs", "export const operators = {};", /must export a list `operators`/],
  ["type.mjs", "export const operators = [{type: 'a b'}];", /operators\[0\]: its `type` must be/],
  ["run.mjs", "export const operators = [{type: 'a', schema: {}}];", /its `execute` must be a function/],
  ["schema.mjs", "export const operators = [{type: 'a', execute() {}}];", /its `schema` must be/],
  ["old.mjs", "export const operators = [{type: 'a', execute() {}, schema: {safeParse() {}}}];", /zod 4 is needed/],
  ["null.mjs", "export const operators = [null];", /operators\[0\]/],
  [
    "bash.mjs",
    "export const operators = [{type: 'bash', schema: {}, execute() {}}];",
    /bash is there already \(built in\)/,
  ],
  ["wait.mjs", "export const operators = [{type: 'wait', schema: {}, execute() {}}];", /wait is there already/],
  ["middle.mjs", "export const middlewares = [{}];", /middlewares\[0\]: its `middleware` must be a function/],
])("%s is refused with its name and the cause", async (name, text, message) => {
  if (text !== null) write(name, text);

  const loading = loadCatalog([name], folder);

  await expect(loading).rejects.toMatchObject({ code: "INVALID_CONFIG", message: expect.stringMatching(message) });
  await expect(loading).rejects.toThrow(name);
});

test("a type that two plugins bring is refused by both names", async () => {
  write("a.mjs", double);
  write("b.mjs", double);

  await expect(loadCatalog(["a.mjs", "b.mjs"], folder)).rejects.toThrow(
    "the plugin b.mjs (operators.plugins) can't be used: its operator acme.double is there already (from a.mjs)",
  );
});

test("without plugins there are the built-in ones; a program chooses among them by name", () => {
  expect(builtInCatalog.find("bash")?.type).toBe("bash");
  expect(builtInCatalog.types).not.toContain("wait");
  const chosen = createCatalog({ builtIn: ["bash"], functions: new Map([["f", () => undefined]]) });
  expect(chosen.types).toEqual(["bash", "function:f"]);
  expect(chosen.find("python")).toBeUndefined();
  expect(() => createCatalog({ builtIn: ["bahs"] })).toThrow("there is no built-in operator bahs; did you mean bash?");
});
