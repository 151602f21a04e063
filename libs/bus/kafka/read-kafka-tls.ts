import { readFileSync } from "node:fs";
import { type AppError, describeError } from "#errors/app-error.ts";
import type { KafkaTls } from "./kafka-options.ts";

/** PEM files; null: the system's authorities, no certificate of our own. */
export interface KafkaTlsFiles {
  readonly caFile: string | null;
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
}

/** Reads the files; one that can't be read is `refuse`d by its field and the reason. */
export function readKafkaTls(
  { caFile, certificateFile, keyFile }: KafkaTlsFiles,
  refuse: (field: string, why: string, cause: unknown) => AppError,
): KafkaTls {
  const readPem = (field: string, file: string | null): string | null => {
    if (file === null) return null;
    try {
      return readFileSync(file, "utf8");
    } catch (thrown) {
      throw refuse(field, `can't be read (${describeError(thrown)}): correct the path or its permissions`, thrown);
    }
  };
  return {
    ca: readPem("ca_file", caFile),
    certificate: readPem("certificate_file", certificateFile),
    key: readPem("key_file", keyFile),
  };
}
