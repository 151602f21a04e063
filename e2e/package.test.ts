import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Child, startChild } from "#testing/cluster/child.ts";
import { checkout, findText, type InstalledPackage, installPackage } from "./harness/installed-package.ts";

const tool = (name: string): string => join(checkout, "node_modules/.bin", name);

/** More than this is a mistake: something ships that nobody needs. */
const maxPackedBytes = 2_000_000;

const workflow = `
id: greeting
tasks:
  - id: fetch
    type: bash
    operator: {bash_command: "echo visits=3 >> $MILLRACE_OUTPUT"}
  - id: greet
    type: bash
    dependencies: [fetch]
    operator: {bash_command: "echo Hello, visit {{ outputs.fetch.visits }}"}
`;

let installed: InstalledPackage;

beforeAll(async () => {
  installed = await installPackage();
}, 240_000);
afterAll(() => installed?.remove());

describe("the tarball", () => {
  test("holds what runs and what explains it", () => {
    const paths = installed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        ...["package.json", "README.md", "LICENSE", "bin/millrace.js", "cli/main.js", "docs/cli.md"],
        ...["libs/engine/engine-exports.js", "libs/engine/engine-exports.d.ts", "libs/runner/runner-process.js"],
        ...["migrations/0001_spine.sql", "proto/millrace/v1/run_service.proto", "examples/quickstart.yaml"],
      ]),
    );
    expect(installed.packedSize).toBeLessThan(maxPackedBytes);
  });

  test("holds nothing that only a checkout needs", () => {
    const paths = installed.files.map(({ path }) => path);
    const foreign =
      /(?:^|\/)(?:testing|simulation|bench|e2e|scripts|node_modules|\.[^/]+|tsconfig\.json)(?:\/|$)|\.(?:test|testsuite)\.(?!yaml$)|\.log$/;
    expect(paths.filter((path) => foreign.test(path))).toEqual([]);
    expect(paths.filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))).toEqual([]);
    expect(paths.filter((path) => /^(?:cli|services)\/.*\.d\.ts$/.test(path))).toEqual([]);
  });

  test("has a package.json for users, and no path of the checkout", async () => {
    const manifest = JSON.parse(await installed.read("node_modules/millrace/package.json")) as object;
    expect(Object.keys(manifest)).toEqual(
      expect.arrayContaining(["version", "license", "keywords", "engines", "dependencies"]),
    );
    for (const field of ["private", "scripts", "devDependencies"]) expect(manifest).not.toHaveProperty(field);
    expect(await findText(installed.root, checkout.slice(0, -1))).toEqual([]);
  });
});

describe("import { Engine } from millrace", () => {
  const importLine = 'import { Engine } from "millrace";\n';
  const program = `
    const engine = new Engine();
    engine.register({ id: "a", handler: (context) => context.setResult(42) });
    engine.register({ id: "b", dependsOn: ["a"], handler: (context) => context.getResult("a") + 1 });
    const result = await engine.execute();
  `;

  test("runs from JavaScript and loads nothing but the engine", async () => {
    const record = `
      import { registerHooks } from "node:module";
      const urls = [];
      registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
      globalThis.loaded = () => urls;
    `;
    await installed.write("record.js", record);
    const print = 'console.log(JSON.stringify({ b: result.getResult("b"), loaded: loaded() }));';
    await installed.write("engine.js", `${importLine}${program}${print}`);
    const { stdout, stderr } = await installed.run(process.execPath, "--import=./record.js", "engine.js");
    expect(stderr).toBe("");
    const { b, loaded } = JSON.parse(stdout) as { b: number; loaded: readonly string[] };
    expect(b).toBe(43);
    const folders = loaded.map((url) => /node_modules\/millrace\/libs\/(\w+)\//.exec(url)?.[1] ?? url);
    const allowed = [expect.stringMatching(/\/project\/engine\.js$/), "engine", "middleware", "core"];
    expect(folders).toContain("engine");
    for (const folder of folders) expect(allowed).toContainEqual(folder);
  });

  test("is bundled for a browser and runs without Node's modules and globals", async () => {
    await installed.write("page.js", `${importLine}(async () => {${program} answer(result.getResult("b")); })();`);
    const flags = ["--platform", "browser", "--format", "iife", "--file", "bundle.js"];
    const { exitCode, stderr } = await installed.run(process.execPath, tool("rolldown"), "page.js", ...flags);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const bundle = await installed.read("bundle.js");
    expect(bundle).not.toMatch(/node:|\brequire\(/);
    const globals = { AbortController, AbortSignal, clearTimeout, crypto, performance, queueMicrotask, setTimeout };
    const answer = await new Promise((resolve) => runInNewContext(bundle, { ...globals, answer: resolve }));
    expect(answer).toBe(43);
  });

  test.each(["nodenext", "bundler"])("is typed under moduleResolution %s", async (moduleResolution) => {
    const typed = `
      import { Engine, type TaskDefinition } from "millrace";
      const task: TaskDefinition = { id: "a", handler: (context) => context.setResult(context.tryNumber) };
      const engine = new Engine({ errorStrategy: "continue" });
      engine.register(task);
      // @ts-expect-error a task has an id
      export const nameless: TaskDefinition = { handler: () => 1 };
      // @ts-expect-error there are two strategies
      export const create = () => new Engine({ errorStrategy: "sometimes" });
      const result = await engine.execute();
      const value: number | undefined = result.getResult<number>("a");
      console.log(value);
    `;
    await installed.write("typed.ts", typed);
    const module = moduleResolution === "bundler" ? "esnext" : "nodenext";
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "es2022", "--module", module];
    const { exitCode, stdout } = await installed.run(
      process.execPath,
      ...[tool("tsc"), ...flags, "--moduleResolution", moduleResolution, "typed.ts"],
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "" });
    const ran = await installed.run(process.execPath, "typed.ts");
    expect(ran).toEqual({ exitCode: 0, stdout: "1\n", stderr: "" });
  });
});

describe("the command millrace", () => {
  test("init writes an example whose tests pass", async () => {
    const written = await installed.run("npx", "millrace", "init", "first");
    expect(written).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("wrote first/hello.test.yaml") });
    expect(await installed.run("npx", "millrace", "test", "first")).toMatchObject({ exitCode: 0 });
  });

  test("npx millrace run shows both tasks and ends with 0", async () => {
    await installed.write("workflow.yaml", workflow);
    const { exitCode, stdout } = await installed.run("npx", "millrace", "run", "workflow.yaml");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("greet | Hello, visit 3");
    expect(stdout).toMatch(/^✓ success greeting \S+ in .*: 2 success$/m);
  });

  test("validate ends a broken file with 1 and its place, under the machine's own Node", async () => {
    await installed.write("bad.yaml", "id: bad\ntasks:\n  - id: a\n    type: noop\n    operater: {}\n");
    const { exitCode, stdout } = await installed.run("node_modules/.bin/millrace", "validate", "bad.yaml");
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^bad\.yaml:5:5 [A-Z_]+ .*operater/m);
  });

  test("dev serves from the package on its own PostgreSQL, runs a workflow and stops cleanly", async () => {
    await installed.write("dags/workflow.yaml", workflow);
    const { project, environment } = installed;
    const program = join(installed.root, "bin/millrace.js");
    const args = ["dev", "--no-open", "--port", "0", "--data-dir", "data", "--dags", "dags"];
    const server: Child = await startChild({
      program,
      args,
      cwd: project,
      environment,
      logFile: join(project, "dev.log"),
    });
    try {
      const health = await fetch(`${server.url}/health`);
      expect({ status: health.status, body: await health.json() }).toMatchObject({
        status: 200,
        body: { status: "healthy" },
      });
      const triggered = await installed.run(
        "npx",
        "millrace",
        "trigger",
        "greeting",
        "--follow",
        "--server",
        server.url,
      );
      expect(triggered).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("greet | Hello, visit 3") });
      expect(await server.stop()).toBe(0);
    } finally {
      await server.kill();
    }
  });
});
