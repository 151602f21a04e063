import { z } from "zod";
import { setting } from "./setting-kinds.ts";

/** When the scheduler looks, and how much it does at once. */
export const scheduler = z.object({
  pollingIntervalMs: setting.duration({
    description: "Time between looks at the schedules, the safety net of timers.",
    fallback: "5s",
  }),
  leaseMs: setting.duration({
    description: "How long a silent leader leads on; renewed four times in it.",
    fallback: "8s",
  }),
  maxParallelEvaluations: setting.integer({
    description: "Schedules evaluated at once, and sensors of one type that look at once.",
    fallback: 10,
    min: 1,
    max: 100,
  }),
});
