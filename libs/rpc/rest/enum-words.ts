import type { DescEnum } from "@bufbuild/protobuf";

/** The word that JSON has for a value: lower case, without the enum's prefix; null for the unspecified one. */
export function enumWord(desc: DescEnum, value: number): string | null {
  if (value === 0) return null;
  const name = desc.value[value]?.name;
  return name === undefined ? String(value) : wordOf(desc, name);
}

/** The words that a field of this enum takes. */
export function enumWords(desc: DescEnum): readonly string[] {
  return desc.values.filter((value) => value.number !== 0).map((value) => wordOf(desc, value.name));
}

/** Reads the word, or the full name in capitals; undefined: neither. */
export function enumNumber(desc: DescEnum, text: string): number | undefined {
  return desc.values.find((value) => value.name === text || (value.number !== 0 && wordOf(desc, value.name) === text))
    ?.number;
}

function wordOf(desc: DescEnum, name: string): string {
  return name.toLowerCase().slice(desc.sharedPrefix?.length ?? 0);
}
