const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/** Longer spans are a mistake: ten years. */
export const maxDurationMs: number = 3650 * unitMs.d;

/** Longer texts are not looked at. */
const maxTextLength = 64;

const amount = String.raw`(\d+(?:\.\d+)?)`;
const shortForm = new RegExp(`^(?:${amount}d)?(?:${amount}h)?(?:${amount}m)?(?:${amount}s)?(?:${amount}ms)?$`);
const isoForm = new RegExp(`^P(?:${amount}W)?(?:${amount}D)?(?:T(?:${amount}H)?(?:${amount}M)?(?:${amount}S)?)?$`);

/** The forms that are accepted, for error messages. */
export const durationForms = "30s, 5m, 2h, 1d, 1h30m or ISO 8601 (PT1H30M)";

/**
 * Milliseconds of a duration as text: `500ms`, `30s`, `5m`, `2h`, `1d`, `1h30m` (units in falling order), or ISO 8601
 * without years and months, whose length varies. Null for anything else, for zero, and beyond `maxDurationMs`.
 */
export function parseDuration(text: string): number | null {
  if (text.length > maxTextLength) return null;
  const short = shortForm.exec(text);
  if (short !== null) return inRange(sum(short.slice(1), [unitMs.d, unitMs.h, unitMs.m, unitMs.s, unitMs.ms]));
  const iso = isoForm.exec(text);
  if (iso === null || text.endsWith("T")) return null;
  return inRange(sum(iso.slice(1), [7 * unitMs.d, unitMs.d, unitMs.h, unitMs.m, unitMs.s]));
}

/** The shortest text that `parseDuration` reads back: 5400000 is `1h30m`. Fractions of a millisecond are rounded. */
export function formatDuration(durationMs: number): string {
  let rest = Math.round(durationMs);
  let text = "";
  for (const [unit, size] of Object.entries(unitMs)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === "" ? "0s" : text;
}

function sum(amounts: readonly (string | undefined)[], sizes: readonly number[]): number {
  return amounts.reduce((total, value, index) => total + Number(value ?? 0) * (sizes[index] ?? 0), 0);
}

function inRange(durationMs: number): number | null {
  const rounded = Math.round(durationMs);
  return rounded > 0 && rounded <= maxDurationMs ? rounded : null;
}
