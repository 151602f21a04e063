import { z } from "zod";
import { setting } from "./setting-kinds.ts";

/** What a worker lets attempts ask for together. */
export const workerResources = z.object({
  cpus: setting.integerOrNull({
    description: "Processors that its attempts may ask for together.",
    fallback: null,
    fallbackText: "those of the machine",
    min: 1,
    max: 10_000,
  }),
  memoryBytes: setting.sizeOrNull({
    description: "Memory that its attempts may ask for together.",
    fallback: null,
    fallbackText: "that of the machine",
  }),
  diskBytes: setting.sizeOrNull({
    description: "Disk that its attempts may ask for together.",
    fallback: null,
    fallbackText: "what is free in the data directory at its start",
  }),
  gpus: setting.integerOrNull({
    description: "GPUs that its attempts may ask for together.",
    fallback: null,
    fallbackText: "those that the driver of NVIDIA shows",
    min: 0,
    max: 1000,
  }),
});
