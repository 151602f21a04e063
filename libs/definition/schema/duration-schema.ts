import { z } from "zod";
import { durationForms, parseDuration } from "#schedule/duration.ts";

const amount = String.raw`\d+(?:\.\d+)?`;
const short = ["d", "h", "m", "s", "ms"].map((unit) => `(?:${amount}${unit})?`).join("");
const iso = `P(?:${amount}W)?(?:${amount}D)?(?:T(?:${amount}H)?(?:${amount}M)?(?:${amount}S)?)?`;
const message = `must be a duration greater than zero: ${durationForms}`;

/** A duration as text; editors get its form as a pattern. */
export const durationSchema: z.ZodString = z
  .string()
  .refine((text) => parseDuration(text) !== null, message)
  .meta({ pattern: `^(?=.*[1-9])(?!.*T$)(?:${short}|${iso})$`, patternErrorMessage: message });
