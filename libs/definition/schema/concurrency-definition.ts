/** Active runs of one key, which `key` gives of the run's parameters, and what becomes of one that finds no room. */
export interface ConcurrencyDefinition {
  readonly key: string;
  readonly limit: number;
  readonly onConflict: "queue" | "skip" | "cancel_running";
}
