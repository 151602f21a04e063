import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandResult, ROOT, runCommand } from "../process/run-command.ts";

const GENERATED_NAME = /_pb\.(?:js|d\.ts)$/;

/** Says which files of gen/ differ from what proto/ gives now. */
export async function checkGeneratedCode(): Promise<CommandResult> {
  return withFreshCode(({ fresh, committed }) => {
    const paths = [...new Set([...listGenerated(fresh), ...listGenerated(committed)])];
    const stale = paths.filter((path) => readText(join(fresh, path)) !== readText(join(committed, path)));
    if (stale.length === 0) return { code: 0, output: "" };
    return { code: 1, output: `not up to date, run npm run gen:\n${stale.map((path) => `  gen/${path}\n`).join("")}` };
  });
}

/** Makes gen/ what proto/ gives now; files whose source is gone go too. */
export async function writeGeneratedCode(): Promise<CommandResult> {
  return withFreshCode(({ fresh, committed }) => {
    for (const path of listGenerated(committed)) {
      if (!existsSync(join(fresh, path))) rmSync(join(committed, path));
    }
    cpSync(fresh, committed, { recursive: true });
    return { code: 0, output: "" };
  });
}

async function withFreshCode(
  use: (folders: { fresh: string; committed: string }) => CommandResult,
): Promise<CommandResult> {
  const temporary = mkdtempSync(join(tmpdir(), "millrace-gen-"));
  try {
    const generated = await runCommand("buf", ["generate", "-o", temporary]);
    if (generated.code !== 0) return generated;
    return use({ fresh: join(temporary, "gen"), committed: join(ROOT, "gen") });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function listGenerated(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => GENERATED_NAME.test(path));
}

function readText(path: string): string | null {
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}
