import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { createNextRelease, nextVersion } from "./next-release.ts";

it("is a program of its own, with a protocol and migrations that this one does not have", async () => {
  const release = await createNextRelease();
  const root = join(dirname(release.program), "..");
  try {
    const { stdout } = spawnSync(process.execPath, [release.program, "--version"], {
      encoding: "utf8",
      timeout: 20_000,
    });
    expect(stdout).toContain(nextVersion);
    for (const file of ["services/executor/sessions/session-opening.ts", "services/worker/session-speech.ts"]) {
      const [ours, theirs] = await Promise.all([readFile(file, "utf8"), readFile(join(root, file), "utf8")]);
      expect(Number(protocolOf(theirs))).toBe(Number(protocolOf(ours)) + 1);
    }
    expect(existsSync(join(root, "migrations/9001_next_release.sql"))).toBe(true);
  } finally {
    await release.remove();
  }
  expect(existsSync(root)).toBe(false);
});

function protocolOf(source: string): string | undefined {
  return /^const protocolVersion = (\d+);$/m.exec(source)?.[1];
}
