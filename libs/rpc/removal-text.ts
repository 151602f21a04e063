const units = [
  { name: "day", ms: 86_400_000 },
  { name: "hour", ms: 3_600_000 },
  { name: "minute", ms: 60_000 },
  { name: "second", ms: 1000 },
  { name: "millisecond", ms: 1 },
] as const;

/** What the API says of what is gone: `outputs were removed after 7 days (outputs.retention)`. */
export function removalText(kind: "outputs" | "artifacts" | "logs", retentionMs: number): string {
  const unit = units.find(({ ms }) => retentionMs % ms === 0) ?? units[4];
  const count = Math.round(retentionMs / unit.ms);
  return `${kind} were removed after ${count} ${unit.name}${count === 1 ? "" : "s"} (${kind}.retention)`;
}
