import { z } from "zod";

const units: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};
const form = /^(\d{1,15}(?:\.\d{1,6})?)(k|M|G|T|Ki|Mi|Gi|Ti|)$/;
/** Less is a forgotten unit: no program starts in it. */
const minBytes = 2 ** 20;
const maxBytes = 2 ** 50;
const message = "must be a size from 1Mi to 1024Ti, such as 512Mi, 1.5Gi or 2G";

/** Bytes of a size as text or number: `512Mi`, `1.5Gi`, `2G`, `1048576`. Null for anything else and out of range. */
export function parseSize(size: string | number): number | null {
  const [, amount, unit = ""] = form.exec(String(size)) ?? [];
  if (amount === undefined) return null;
  const bytes = Math.round(Number(amount) * (units[unit] ?? 1));
  return bytes >= minBytes && bytes <= maxBytes ? bytes : null;
}

/** A size; editors get its form as a pattern. */
export const sizeSchema: z.ZodType<string | number> = z
  .union([z.string().meta({ pattern: form.source, patternErrorMessage: message }), z.number()], message)
  .refine((size) => parseSize(size) !== null, message);
