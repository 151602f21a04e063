import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "../run-command.testsuite.ts";

let directory = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "millrace-init-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe("millrace init", () => {
  test("writes an example that is valid without a warning, and the schema that it names", async () => {
    const { output, exitCode } = await runCommand(["init"], { directory });
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^wrote dags\/hello\.yaml\n/);
    const checked = await runCommand(["validate", join(directory, "dags")]);
    expect(checked).toEqual({ output: "1 DAG(s) valid\n", errors: "", exitCode: 0 });
    const tested = await runCommand(["test", join(directory, "dags")]);
    expect(tested).toMatchObject({ errors: "", exitCode: 0 });
    const text = await readFile(join(directory, "dags/hello.yaml"), "utf8");
    const named = /^# yaml-language-server: \$schema=\.\/(\S+)\n/.exec(text)?.[1] ?? "none";
    const schema: unknown = JSON.parse(await readFile(join(directory, "dags", named), "utf8"));
    expect(schema).toEqual(JSON.parse((await runCommand(["schema"])).output));
  });

  test("keeps what is there", async () => {
    await runCommand(["init", "etl"], { directory });
    await writeFile(join(directory, "etl/hello.yaml"), "mine");
    const { errors, exitCode } = await runCommand(["init", "etl"], { directory });
    expect(exitCode).toBe(2);
    expect(errors).toMatch(/hello\.yaml: it is there already; choose another folder, or move it/);
    expect(await readFile(join(directory, "etl/hello.yaml"), "utf8")).toBe("mine");
  });

  test.each(["hello.yaml", "hello.test.yaml", "dag.schema.json"])(
    "leaves the folder as it was when %s is in the way",
    async (name) => {
      await mkdir(join(directory, "etl", name), { recursive: true });
      const { errors, exitCode } = await runCommand(["init", "etl"], { directory });
      expect(exitCode).toBe(2);
      expect(errors).toContain(`can't write ${join(directory, "etl", name)}: `);
      expect(await readdir(join(directory, "etl"))).toEqual([name]);
    },
  );

  test("says why a folder can't be made", async () => {
    await writeFile(join(directory, "file"), "");
    const { errors, exitCode } = await runCommand(["init", "file/below"], { directory });
    expect(exitCode).toBe(2);
    expect(errors).toContain("can't make the folder");
  });
});

describe("millrace upgrade", () => {
  test.each([
    ["id: x\n", 0, "a.yaml has format 1, the newest: nothing to do\n"],
    ["format: 1\nid: x\n", 0, "a.yaml has format 1, the newest: nothing to do\n"],
  ])("%j has nothing to do", async (text, exitCode, output) => {
    await writeFile(join(directory, "a.yaml"), text);
    expect(await runCommand(["upgrade", "a.yaml"], { directory })).toEqual({ output, errors: "", exitCode });
  });

  test.each([
    ["format: 2\n", /has format 2, which this version does not know \(the newest is 1\); install a newer Millrace/],
    ["format: new\n", /has format "new", .*; write `format: 1`, or remove the key/],
    ["format: [\n", /^a\.yaml:2:1 YAML_SYNTAX/],
    ["- a\n", /a\.yaml is no definition/],
    ["", /^a\.yaml:1:1 EMPTY_FILE/],
  ])("%j is refused", async (text, errors) => {
    await writeFile(join(directory, "a.yaml"), text);
    const result = await runCommand(["upgrade", "a.yaml"], { directory });
    expect(result).toMatchObject({ output: "", exitCode: 2 });
    expect(result.errors).toMatch(errors);
  });

  test("a file that is not there is named", async () => {
    expect((await runCommand(["upgrade", "none.yaml"], { directory })).errors).toContain("can't read none.yaml");
  });
});

describe("millrace graph", () => {
  test.each(["ascii", "mermaid", "dot", "svg"])("--format %s draws a definition", async (format) => {
    await runCommand(["init", "."], { directory });
    const file = join(directory, "hello.yaml");
    const { output, exitCode } = await runCommand(["graph", file, "--format", format]);
    expect(exitCode).toBe(0);
    for (const task of ["split", "spell", "greet"]) expect(output).toContain(task);
  });

  test("of a wrong definition prints its problems", async () => {
    await writeFile(join(directory, "a.yaml"), "id: x\n");
    const result = await runCommand(["graph", join(directory, "a.yaml")]);
    expect(result).toMatchObject({ output: "", exitCode: 2 });
    expect(result.errors).toContain("a.yaml:1:1 MISSING_KEY `tasks` is required");
  });
});
