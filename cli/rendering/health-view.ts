import type { GetHealthResponse } from "#gen/millrace/v1/system_service_pb.js";
import type { Color, Paint } from "./paint.ts";
import { type Cell, renderTable } from "./table.ts";

/** The health of the whole and of its components. */
export function renderHealth(
  health: GetHealthResponse,
  options: { paint: Paint; width: number | null },
): readonly string[] {
  const cell = statusCell(health.status);
  const title = `${options.paint(cell.color ?? "plain", cell.text)}  version ${health.version}`;
  const names = Object.keys(health.components).toSorted();
  if (names.length === 0) return [title];
  const table = renderTable({
    columns: [{ title: "COMPONENT" }, { title: "STATUS" }, { title: "DETAIL", flexible: true }],
    rows: names.map((name) => [
      { text: name },
      statusCell(health.components[name]?.status ?? ""),
      { text: health.components[name]?.detail ?? "" },
    ]),
    ...options,
  });
  return [title, "", ...table];
}

const statusColors: Readonly<Record<string, readonly [icon: string, color: Color]>> = {
  healthy: ["●", "green"],
  degraded: ["▲", "yellow"],
  unhealthy: ["✗", "red"],
};

function statusCell(status: string): Cell {
  const [icon, color] = statusColors[status] ?? ["?", "gray"];
  return { text: `${icon} ${status}`, color };
}
