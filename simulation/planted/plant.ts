import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PlantedBug } from "./planted-bugs.ts";

/** What the simulation runs on. */
const sources = ["package.json", "gen", "libs", "services", "simulation"];
const root = join(import.meta.dirname, "../..");

export interface Finding {
  readonly name: string;
  /** How many seeds it took; null: it was not found. */
  readonly seeds: number | null;
  readonly violation: string;
}

/** Plants a bug in a copy of the tree and lets the simulation look for it, from a seed on and through so many at most. */
export async function findPlanted(
  bug: PlantedBug,
  { first, maxSeeds }: { readonly first: number; readonly maxSeeds: number },
): Promise<Finding> {
  const copy = mkdtempSync(join(tmpdir(), "millrace-planted-"));
  try {
    for (const source of sources) cpSync(join(root, source), join(copy, source), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    for (const { file, find, replace } of bug.patches) {
      const path = join(copy, file);
      const text = readFileSync(path, "utf8");
      assert.ok(text.includes(find), `${bug.name}: ${file} has no longer the lines that are to be replaced`);
      writeFileSync(
        path,
        text.replace(find, () => replace),
      );
    }
    const { seeds, violation } = await searchIn(copy, [first, maxSeeds]);
    return { name: bug.name, seeds, violation };
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** The first line of the answer is a JSON object: `{seeds, violation}`. */
async function searchIn(
  tree: string,
  limits: readonly number[],
): Promise<{ readonly seeds: number | null; readonly violation: string }> {
  const child = spawn(process.execPath, ["simulation/planted/first-failure.ts", ...limits.map(String)], {
    cwd: tree,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await new Promise((resolve) => {
    child.on("close", resolve);
  });
  return JSON.parse(output) as { seeds: number | null; violation: string };
}
