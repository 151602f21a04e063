import { relative } from "node:path";
import { isOwnProcess } from "#testing/own-process.ts";
import type { ClusterRecord } from "./cluster-record.ts";

/** What runs where, one line a process, and how to use it. Paths are shown from `directory`. */
export function describeCluster(record: ClusterRecord, directory: string): string {
  const rows = record.parts.map(({ name, pid, address, logFile, mark }) => [
    name,
    isOwnProcess(pid, mark) ? String(pid) : "ended",
    address,
    showPath(logFile, directory),
  ]);
  const { gatewayUrl, databaseUrl, firstCommand, folder } = record;
  return `${formatTable([["what", "pid", "address", "log"], ...rows])}

page      ${gatewayUrl}
first     npx millrace ${firstCommand} --server ${gatewayUrl}
database  psql '${databaseUrl}'
end       Ctrl-C where it was started, or scripts/cluster down --data ${showPath(folder, directory)}`;
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The shorter of the path itself and the way from the folder. */
function showPath(path: string, directory: string): string {
  const way = relative(directory, path);
  return way.length < path.length ? way : path;
}
