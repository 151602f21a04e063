import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { unreadableFile } from "./unreadable-file.ts";

test.each([
  ["/nowhere/dag.yaml", "can't read /nowhere/dag.yaml: there is no such file"],
  ["/", "can't read /: it is a folder; name one file in it"],
])("says why %s can't be read: %s", async (path, message) => {
  const thrown: unknown = await readFile(path).catch((cause: unknown) => unreadableFile(path, cause));
  expect(thrown).toMatchObject({ code: "INVALID_ARGUMENT", message });
});

test("anything else is said as it is", () => {
  expect(unreadableFile("dag.yaml", new Error("odd")).message).toBe("can't read dag.yaml: odd");
});
