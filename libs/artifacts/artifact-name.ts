import { artifactLimits } from "./artifact-limits.ts";

/** Characters that no file of the strictest system has, and those that turn text around. */
const forbidden = /[\p{Cc}\p{Cs}\u{2028}\u{2029}\u{202a}-\u{202e}\u{2066}-\u{2069}\\]/u;

/**
 * Why a name can't be an artifact's; null when it can: a relative path in Unicode's form NFC, with `/` between its
 * segments, none of them empty, `.` or `..`.
 */
export function findNameProblem(name: string): string | null {
  if (name === "") return "is empty";
  if (!name.isWellFormed() || forbidden.test(name))
    return "has a control character, a backslash, or half of a character";
  if (name !== name.normalize("NFC")) return "is not in Unicode's form NFC";
  if (Buffer.byteLength(name) > artifactLimits.nameBytes) return `is longer than ${artifactLimits.nameBytes} bytes`;
  const segments = name.split("/");
  if (segments.length > artifactLimits.depth) return `has more than ${artifactLimits.depth} segments`;
  if (segments.some((segment) => segment === "" || segment === "." || segment === ".."))
    return "is no relative path: each segment needs a name, and `.` and `..` are none";
  const isLong = segments.some((segment) => Buffer.byteLength(segment) > artifactLimits.segmentBytes);
  return isLong ? `has a segment of more than ${artifactLimits.segmentBytes} bytes` : null;
}
