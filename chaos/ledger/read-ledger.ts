import { readFile } from "node:fs/promises";

/** One line that an attempt wrote outside the system; the list of them has the order of what happened. */
export interface LedgerLine {
  readonly runId: string;
  readonly taskId: string;
  readonly generation: number;
  readonly tryNumber: number;
  readonly what: "start" | "beat" | "end";
  /** In seconds since 1970, by the worker's clock; for people, nothing is judged by it. */
  readonly at: number;
}

const linePattern =
  /^(?<run>[^/ ]+)\/(?<task>[^/ ]+)\/(?<generation>\d+)\.(?<tries>\d+) (?<what>start|beat|end) (?<at>[\d.,]*)$/;

const whats = ["start", "beat", "end"] as const;

/** No file yet: nothing has run. */
export async function readLedger(file: string): Promise<readonly LedgerLine[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  });
  return parseLedger(text);
}

/** Lines are `<idempotency key> start|beat|end <time>`; any other is an error, so that none is lost in silence. */
export function parseLedger(text: string): readonly LedgerLine[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line, place) => {
      const found = linePattern.exec(line)?.groups;
      if (found === undefined) throw new Error(`line ${place + 1} of the ledger is none: ${line}`);
      return {
        runId: found["run"] ?? "",
        taskId: found["task"] ?? "",
        generation: Number(found["generation"]),
        tryNumber: Number(found["tries"]),
        what: whats.find((what) => what === found["what"]) ?? "start",
        at: Number((found["at"] ?? "").replace(",", ".")),
      };
    });
}
