import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { hitsVariable, planVariable } from "./failpoint-plan.ts";

const script = `import { failpoint } from "#failpoints/failpoint.ts";
for (let hit = 1; hit <= 3; hit += 1) {
  try { failpoint("run_change.after"); console.log("passed"); } catch (error) { console.log(error.message); }
}`;

/** A process that comes to one failpoint three times. */
function run(plan: string, arm = true): { signal: string | null; output: readonly string[]; hits: readonly string[] } {
  const folder = mkdtempSync(join(tmpdir(), "millrace-arm-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const hits = join(folder, "hits");
  const armed = arm ? ["--import", join(import.meta.dirname, "arm-failpoints.ts")] : [];
  const { signal, stdout } = spawnSync(process.execPath, [...armed, "--input-type=module", "-e", script], {
    cwd: join(import.meta.dirname, "../../.."),
    env: { ...process.env, [planVariable]: plan, [hitsVariable]: hits },
    encoding: "utf8",
  });
  const lines = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");
  return { signal, output: lines(stdout), hits: arm ? lines(readFileSync(hits, "utf8")) : [] };
}

describe("a process with failures planned", () => {
  it("dies at the hit that was planned, with the hits before it told", () => {
    expect(run("run_change.after=kill@2")).toEqual({
      signal: "SIGKILL",
      output: ["passed"],
      hits: ["run_change.after", "run_change.after"],
    });
  });

  it("fails there, or stands still and goes on", () => {
    expect(run("run_change.after=error@1,run_change.after=pause:10@3").output).toEqual([
      "planned failure at run_change.after",
      "passed",
      "passed",
    ]);
  });

  it("does nothing of it when it is not armed", () => {
    expect(run("run_change.after=kill@1", false)).toEqual({
      signal: null,
      output: ["passed", "passed", "passed"],
      hits: [],
    });
  });
});
