/** How many more may take of a limit. */
export interface RoomOf {
  readonly limit: string;
  readonly room: number;
}

/** What is picked, best first, without what its limits have no room for behind those before it. */
export function withinRoom<T>(picked: readonly T[], limitsOf: (one: T) => readonly RoomOf[]): readonly T[] {
  const taken = new Map<string, number>();
  return picked.filter((one) => {
    const limits = limitsOf(one);
    if (limits.some(({ limit, room }) => (taken.get(limit) ?? 0) >= room)) return false;
    for (const { limit } of limits) taken.set(limit, (taken.get(limit) ?? 0) + 1);
    return true;
  });
}
