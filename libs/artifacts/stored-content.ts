import assert from "node:assert/strict";
import { AppError, describeError } from "#errors/app-error.ts";

const locationForm = /^(?!\.)[A-Za-z0-9._-]+(?:\/(?!\.)[A-Za-z0-9._-]+)*$/;

/** Locations are made by Millrace: one of another form is a bug, and would be a way out of the store. */
export function assertLocation(location: string): void {
  assert.match(location, locationForm, `${JSON.stringify(location)} is no location of an artifact`);
}

export function isLocation(text: string): boolean {
  return locationForm.test(text);
}

/** The content, which fails at its end, or as soon as it is too long, unless it has exactly `size` bytes. */
export async function* sized(content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const piece of content) {
    count += piece.length;
    if (count > size) break;
    yield piece;
  }
  if (count !== size)
    throw new AppError("INVALID_ARTIFACT", `the file has ${count > size ? "more" : "fewer"} than its ${size} bytes`);
}

/** What went wrong in the store; what its caller did wrong stays as it is. */
export function toStoreError(error: unknown, what: string): AppError {
  if (error instanceof AppError) return error;
  return new AppError("ARTIFACT_STORE_UNAVAILABLE", `${what}: ${describeError(error)}`, { cause: error });
}
