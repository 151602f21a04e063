/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A copy of this process's variables: the one place that reads them. */
export function readEnvironment(): Environment {
  return { ...process.env };
}
