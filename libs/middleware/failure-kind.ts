/** Whether a task asked to be skipped; by name, so that a second copy of the library does no harm. */
export function isSkip(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "SkipTask";
}

/** Whether somebody stopped the work: trying again would be against that wish. */
export function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "AbortError";
}
