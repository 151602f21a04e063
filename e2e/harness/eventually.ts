import { vi } from "vitest";

const patience = { timeout: 100_000, interval: 100 };

/** Reads again and again until the check of what was read passes; throws what it said last when that takes too long. */
export async function eventually<T>(read: () => T | Promise<T>, check: (seen: T) => void): Promise<void> {
  await vi.waitFor(async () => check(await read()), patience);
}
