/** A part of something with a known size; `end` is the first byte behind it. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const form = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * The one range that a `Range` header asks for (RFC 9110, 14.1.2), cut to the size; `start` equal to `end` means that
 * there is no such part. Null for what is no such range, or several: such a header is to be ignored.
 */
export function readByteRange(header: string, size: number): ByteRange | null {
  const [, first = "", last = ""] = form.exec(header.replaceAll(/\s/g, "")) ?? [];
  if (first === "" && last === "") return null;
  if (first === "") return { start: Math.max(0, size - Number(last)), end: size };
  if (last !== "" && Number(last) < Number(first)) return null;
  const end = last === "" ? size : Math.min(size, Number(last) + 1);
  return { start: Math.min(Number(first), end), end };
}
