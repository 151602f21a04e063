import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSecretSource, type SecretSources } from "./secret-source.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "millrace-secrets-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function read(
  name: string,
  sources: Partial<SecretSources> = {},
  signal = new AbortController().signal,
): Promise<string> {
  return createSecretSource({ environment: {}, directory: null, command: null, ...sources }).read(name, signal);
}

/** A program outside the folder of secrets. */
function program(text: string): string {
  const path = join(mkdtempSync(join(directory, ".program-")), "run");
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o700);
  return path;
}

test("of one name the environment wins over the folder, and that over the command", async () => {
  const command = program('printf "from %s\\n" "$1"');
  writeFileSync(join(directory, "api-key"), "from file\n");
  const environment = { MILLRACE_SECRET_API_KEY: "from variable" };

  expect(await read("api_key", { environment, directory, command })).toBe("from variable");
  expect(await read("api_key", { directory, command })).toBe("from file");
  expect(await read("other", { directory, command })).toBe("from other");
});

test("the command's arguments are its own, the name is one more, and no shell reads it", async () => {
  const command = `${program('echo "$# $1 $2 $KEY"')} -v`;
  expect(await read("$(id)", { command, environment: { KEY: "of the vault" } })).toBe("2 -v $(id) of the vault");
});

test.each([
  ["exit 44", "SECRET_NOT_FOUND"],
  ["echo hunter2; echo hunter2 >&2; exit 1", "SECRET_UNAVAILABLE"],
  ["kill -9 $$", "SECRET_UNAVAILABLE"],
  ["printf abc", "SECRET_UNUSABLE"],
  ["head -c 100000 /dev/zero | tr '\\0' x", "SECRET_UNUSABLE"],
  ["head -c 300000 /dev/zero | tr '\\0' x", "SECRET_UNAVAILABLE"],
  ["printf 'abc\\000def'", "SECRET_UNUSABLE"],
])("a command that does `%s` is told, without what it printed", async (text, code) => {
  const failed = read("key", { command: program(text) });
  await expect(failed).rejects.toMatchObject({ code });
  await expect(failed).rejects.not.toThrow(/hunter2/);
});

test("a command that is not there is told", async () => {
  await expect(read("key", { command: join(directory, "missing") })).rejects.toMatchObject({
    code: "SECRET_UNAVAILABLE",
    message: expect.stringContaining("(ENOENT)"),
  });
});

test("a stop ends the command", async () => {
  const controller = new AbortController();
  const reading = read("key", { command: program("exec sleep 60") }, controller.signal);
  controller.abort(new Error("stopped"));
  await expect(reading).rejects.toThrow("stopped");
});

test("an unknown name is told with the closest one, or with the variable to set", async () => {
  const environment = { MILLRACE_SECRET_API_KEY: "abcdef" };
  await expect(read("api_kye", { environment })).rejects.toThrow(
    "there is no secret api_kye here; did you mean api_key?",
  );
  await expect(read("token", {})).rejects.toThrow("set MILLRACE_SECRET_TOKEN where the worker runs");
});
