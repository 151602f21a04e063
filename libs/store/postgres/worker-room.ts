import { noResources, type ResourceAmounts, resourceNames } from "#core/resource-amounts.ts";

/** A worker's resources, and the sums of what its attempts have taken, as a query with `roomColumns` reads them. */
export interface RoomRow {
  readonly resources: Partial<ResourceAmounts>;
  readonly taken: Partial<ResourceAmounts> | null;
}

/** What the attempt of a held instance `t` takes of its worker: what its version asked for when it began; null or `{}`: nothing. */
export const takenResources = "COALESCE(t.held_resources, t.resources)";

const sums = resourceNames.map((name) => `'${name}', sum((${takenResources}->>'${name}')::bigint)`).join(", ");

/** Columns for a worker `w`; attempts that are being stopped count too. */
export const roomColumns = `w.resources, (SELECT jsonb_build_object(${sums}) FROM task_instances t
  WHERE t.held AND t.worker_key = w.worker_key AND ${takenResources} IS NOT NULL) AS taken`;

export function fromRoomRow({ resources, taken }: RoomRow): {
  readonly resources: ResourceAmounts;
  readonly room: ResourceAmounts;
} {
  const total = { ...noResources, ...resources };
  const left = resourceNames.map((name) => [name, total[name] - (taken?.[name] ?? 0)] as const);
  return { resources: total, room: { ...total, ...Object.fromEntries(left) } };
}
