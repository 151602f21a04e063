/** The text of anything thrown; also of an object that has none, which `String` refuses. */
export function describeThrown(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return "an object without a text";
  }
}
