import { z } from "zod";
import { sizeSchema } from "./size-schema.ts";

const limits = {
  cpu: z.number().min(0.01).max(1024).optional().describe("Processors; 0.5 is half of one."),
  memory: sizeSchema.optional().describe("The most memory of all its processes together."),
  disk: sizeSchema.optional().describe("The most that the attempt's own directories hold."),
};

/** What one attempt of a kind of work that runs processes may use, as its operator says. */
export const limitsSchema = z.strictObject(limits);

/** What one attempt may use, and asks of its worker, as its task says. */
export const resourcesSchema = z.strictObject({
  ...limits,
  gpus: z.number().int().min(1).max(1024).optional().describe("GPUs that its worker must have left."),
});

export type LimitsInput = z.infer<typeof limitsSchema>;
