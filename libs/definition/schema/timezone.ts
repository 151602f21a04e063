import { closestName } from "#core/closest-name.ts";

/** True for a name of the IANA time zone database, such as `Europe/Berlin`; offsets like `+02:00` are not zones. */
export function isTimezone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The zone that was probably meant, or null. A city alone finds its zone. */
export function closestTimezone(name: string): string | null {
  const zones = [...Intl.supportedValuesOf("timeZone"), "UTC"];
  const wanted = name.toLowerCase().replaceAll(" ", "_");
  const city = zones.find((zone) => zone.toLowerCase().split("/").at(-1) === wanted);
  return city ?? closestName(name, zones);
}
