import type { Artifact } from "#gen/millrace/v1/artifact_service_pb.js";
import type { Paint } from "./paint.ts";
import { timestampMillis } from "./proto-words.ts";
import { renderTable } from "./table.ts";
import { harmlessLine } from "./terminal-text.ts";
import { instantText } from "./time-text.ts";

const units = ["B", "KiB", "MiB", "GiB"];

/** Files that tasks left, one a line. */
export function renderArtifacts(
  artifacts: readonly Artifact[],
  options: { paint: Paint; width: number | null },
): readonly string[] {
  return renderTable({
    columns: [
      { title: "TASK" },
      { title: "ATTEMPT" },
      { title: "NAME", flexible: true },
      { title: "SIZE" },
      { title: "STORED" },
    ],
    rows: artifacts.map(({ taskId, mapIndex, attemptNumber, name, size, timestamp }) => [
      { text: mapIndex === undefined ? taskId : `${taskId}[${mapIndex}]` },
      { text: String(attemptNumber) },
      { text: harmlessLine(name) },
      { text: sizeText(Number(size)) },
      { text: instantText(timestampMillis(timestamp) ?? 0) },
    ]),
    ...options,
  });
}

/** Bytes for people: `512 B`, `1.5 MiB`. */
export function sizeText(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
