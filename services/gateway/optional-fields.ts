import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";

/** Milliseconds since 1970 as the proto's time; absent when there is none. */
export function timeOrAbsent(at: number | null): Timestamp | undefined {
  return at === null ? undefined : timestampFromMs(at);
}

/** A count of milliseconds as the proto's 64-bit integer; absent when there is none. */
export function integerOrAbsent(value: number | null): bigint | undefined {
  return value === null ? undefined : BigInt(Math.round(value));
}
