import { z } from "zod";
import { dagIdPattern, dagIdWords } from "./id-forms.ts";
import { definitionLimits } from "../limits.ts";
import { secretNamePattern } from "../expressions/secret-names.ts";

const secretWords = "the name of a secret: letters, digits, `_` and `-`, beginning with a letter";

/** The shape of `webhooks:`. What its expressions mean is checked where they are read. */
export const webhooksSchema = z
  .array(
    z.strictObject({
      name: z
        .string()
        .regex(dagIdPattern, `must be ${dagIdWords}`)
        .meta({ patternErrorMessage: `must be ${dagIdWords}` })
        .describe("The last part of its path, `/api/v1/hooks/NAME`; unique in the system."),
      secret: z
        .string()
        .regex(secretNamePattern, `must be ${secretWords}`)
        .meta({ patternErrorMessage: `must be ${secretWords}` })
        .describe("The secret that requests are signed with."),
      parameters: z
        .record(z.string(), z.string())
        .optional()
        .describe("Parameters of the run: expressions over `body` and `headers`."),
      when: z.string().optional().describe("An expression; false: the request is answered and makes no run."),
      logical_date: z
        .string()
        .optional()
        .describe("An expression that gives the run's date; the time of the request by default."),
    }),
  )
  .max(definitionLimits.webhooks);

export type WebhookInput = z.infer<typeof webhooksSchema>[number];
