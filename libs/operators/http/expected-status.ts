import { AppError } from "#errors/app-error.ts";

/** The statuses that count as success. */
export interface ExpectedStatus {
  includes(status: number): boolean;
  /** As it was written, for messages. */
  readonly text: string;
}

const pattern = /^([1-5])(xx|\d\d)$/;

/** Reads a status, a class such as `2xx`, or a list of these; absent: `2xx`. Throws INVALID_ARGUMENT. */
export function parseExpectedStatus(value: unknown = "2xx"): ExpectedStatus {
  const entries = (Array.isArray(value) ? value : [value]).map(String);
  for (const entry of entries) {
    if (!pattern.test(entry))
      throw new AppError(
        "INVALID_ARGUMENT",
        `expected_status: "${entry}" is neither a status such as 200 nor a class such as 2xx`,
      );
  }
  const exact = new Set(entries);
  return {
    includes: (status) => exact.has(String(status)) || exact.has(`${Math.floor(status / 100)}xx`),
    text: entries.join(", "),
  };
}
