import { randomBytes } from "node:crypto";

/** `<dag_id>__<YYYY-MM-DDTHH:MM:SSZ>__<suffix>`; the suffix tells runs of one second apart. */
export function formatRunId(options: { dagId: string; logicalAt: number; suffix: string }): string {
  const date = new Date(options.logicalAt).toISOString().replace(/\.\d{3}Z$/, "Z");
  return `${options.dagId}__${date}__${options.suffix}`;
}

/** Eight random hex digits. */
export function randomSuffix(): string {
  return randomBytes(4).toString("hex");
}
