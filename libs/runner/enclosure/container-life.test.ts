import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attemptDirectories } from "../attempt-directories.ts";
import { killLeftovers } from "../leftovers.ts";
import { noteContainer, readContainerNote } from "./container-life.ts";
import type { ContainerTool } from "./enclosure.ts";

let dataDir = "";
let told: string[] = [];
const tell = (message: string): void => {
  told.push(message);
};
const places = () => attemptDirectories(dataDir, "t1");

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-notes-"));
  told = [];
  mkdirSync(places().base, { recursive: true });
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

function engine(script: string): ContainerTool {
  const path = join(dataDir, "engine");
  writeFileSync(path, `#!/bin/sh\necho "$*" >> ${dataDir}/calls\n${script}\n`);
  chmodSync(path, 0o755);
  return { kind: "docker", path, hasInit: true, environment: {}, user: { uid: 0, gid: 0 } };
}

describe("the container that an earlier start left", () => {
  test("is given up at the deadline where its engine gives no answer, with a word for each round, and stays noted", async () => {
    noteContainer(places().containerNote, engine("echo no daemon >&2; exit 1"));
    expect(await killLeftovers(dataDir, tell, 500)).toEqual({ killed: 0, unsure: ["t1"] });
    expect(told.length).toBeGreaterThan(1);
    expect(told[0]).toContain("does not remove container millrace-t1: no daemon; asking again in 20 ms");
    expect(readContainerNote(places().containerNote)).toMatchObject({ mayRun: true });
  });

  test("that hangs, or is not installed any more, ends no later", async () => {
    noteContainer(places().containerNote, engine("exec /bin/sleep 600"));
    expect(await killLeftovers(dataDir, tell, 300)).toMatchObject({ unsure: ["t1"] });
    noteContainer(places().containerNote, { ...engine(""), path: "/no/such/engine" });
    expect(await killLeftovers(dataDir, tell, 300)).toMatchObject({ unsure: ["t1"] });
  });

  test("of another start of the host does not run: its engine is asked once, whatever it says", async () => {
    const tool = engine("exit 1");
    writeFileSync(places().containerNote, JSON.stringify({ ...tool, bootId: "another" }));
    expect(await killLeftovers(dataDir, tell)).toEqual({ killed: 1, unsure: [] });
    expect(readFileSync(join(dataDir, "calls"), "utf8")).toBe("rm --force --volumes millrace-t1\n");
    expect(told).toEqual([]);
  });

  test.each(['{"kind":"docker","pa', "", "7", "null", '{"path":7}'])("is none where its note is %j", async (text) => {
    writeFileSync(places().containerNote, text);
    expect(await killLeftovers(dataDir, tell)).toEqual({ killed: 1, unsure: [] });
    expect(told).toEqual([expect.stringContaining("can't be read")]);
    expect(existsSync(places().base)).toBe(false);
  });
});
