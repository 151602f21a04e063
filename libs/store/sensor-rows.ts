/** A sensor of a definition as far as the store knows it. */
export interface NewSensor {
  readonly id: string;
  /** A sensor whose source stays the same keeps what it remembers. */
  readonly source: string;
  readonly definition: unknown;
}

/** The sensors that a definition has. The store knows nothing else of their content. */
export function sensorsOf(definition: unknown): readonly NewSensor[] {
  if (typeof definition !== "object" || definition === null || !("sensors" in definition)) return [];
  const { sensors } = definition;
  if (!Array.isArray(sensors)) return [];
  return sensors.flatMap((sensor: unknown) => {
    if (typeof sensor !== "object" || sensor === null || !("id" in sensor) || !("source" in sensor)) return [];
    const { id, source } = sensor;
    return typeof id === "string" && typeof source === "string" ? [{ id, source, definition: sensor }] : [];
  });
}
