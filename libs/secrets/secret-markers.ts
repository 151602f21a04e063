import { randomBytes } from "node:crypto";

/** Bytes of chance in a marker: nobody can give a parameter that looks like one. */
const chanceBytes = 16;
/** A private character at both ends: a marker is never a part of another. */
const edge = "\u{F8FC}";

/** Stands for the secrets of one attempt in its rendered values: only the worker knows them, and puts them in. */
export class SecretMarkers {
  /** The secret's name by its marker. */
  readonly names: Record<string, string> = {};
  readonly #markers = new Map<string, string>();

  markerOf(name: string): string {
    const known = this.#markers.get(name);
    if (known !== undefined) return known;
    const marker = `${edge}secret:${randomBytes(chanceBytes).toString("hex")}${edge}`;
    this.#markers.set(name, marker);
    this.names[marker] = name;
    return marker;
  }
}

/** The same JSON value with each secret in its marker's place. */
export function fillSecrets<T>(value: T, secrets: ReadonlyMap<string, string>): T {
  let json = JSON.stringify(value);
  for (const [marker, secret] of secrets) {
    const escaped = JSON.stringify(secret).slice(1, -1);
    json = json.replaceAll(marker, () => escaped);
  }
  return JSON.parse(json) as T;
}
