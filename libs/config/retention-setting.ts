import { setting } from "./setting-kinds.ts";

/** How long something is kept that a run has left. */
export function retentionSetting(what: string, fallback: string) {
  return setting.durationOrZero({
    description: `How long ${what} are kept after the end of their run; 0s: for ever.`,
    fallback,
  });
}
