import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cleanEnvironment } from "#testing/cluster/child.ts";
import { ROOT } from "../process/run-command.ts";

const dockerfile = readFileSync(join(ROOT, "deploy/Dockerfile"), "utf8");
const ignore = readFileSync(join(ROOT, ".dockerignore"), "utf8").split("\n");
const allowed = ignore.filter((line) => line.startsWith("!")).map((line) => line.slice(1));

/** Sources and target of each COPY. */
const copies = [...dockerfile.matchAll(/^COPY (.+) (\S+)$/gm)].map(([, sources = "", target = ""]) => ({
  sources: sources.split(" "),
  target,
}));
const copied = copies.flatMap(({ sources }) => sources);

describe("deploy/Dockerfile", () => {
  let image = "";
  beforeAll(() => {
    image = mkdtempSync(join(tmpdir(), "millrace-image-"));
    const isLeftOut = (path: string): boolean => /\/libs\/testing$|\.(?:test|testsuite)\.ts$/.test(path);
    for (const source of copied) {
      cpSync(join(ROOT, source), join(image, source), { recursive: true, filter: (path) => !isLeftOut(path) });
    }
    symlinkSync(join(ROOT, "node_modules"), join(image, "node_modules"));
  });
  afterAll(() => rmSync(image, { recursive: true, force: true }));

  it("copies what exists, to the place that it has in the checkout", () => {
    expect(copied.filter((source) => !existsSync(join(ROOT, source)))).toEqual([]);
    for (const { sources, target } of copies) {
      const folder = target.replace(/^\.?\/?/, "").replace(/\/$/, "");
      for (const source of sources) expect([source, source.split("/").slice(0, -1).join("/")]).toContain(folder);
    }
  });

  it("copies what .dockerignore lets through, and nothing is let through in vain", () => {
    expect(copied.toSorted()).toEqual(allowed.toSorted());
  });

  it("runs Node 24, as somebody who is not root, by the command of Millrace", () => {
    expect(dockerfile).toMatch(/^FROM node:24-/m);
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toContain('ENTRYPOINT ["millrace"]');
    expect(existsSync(join(ROOT, "bin/millrace.js"))).toBe(true);
  });

  it("has all that a run needs", async () => {
    const args = [join(image, "bin/millrace.js"), "run", join(image, "examples/quickstart.yaml")];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: image, env: cleanEnvironment() });
    expect(stdout).toMatch(/success quickstart .*: 4 success/);
  });

  it("has a health check that tells a ready service from none", async () => {
    const check = join(image, "deploy/check-ready.js");
    await expect(promisify(execFile)(process.execPath, [check, "1"])).rejects.toMatchObject({ code: 1 });
  });
});
