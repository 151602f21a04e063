import { resolve } from "node:path";
import type { Settings } from "#config/settings-schema.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { Store } from "#ports/store.ts";
import type { Service } from "#rpc/service.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createParser } from "./parser.ts";

/** The parser as the settings want it. */
export function wireParser(
  { dags, limits }: Settings,
  parts: { store: Store; operators: OperatorSchemas; logger: Logger },
): Service {
  return createParser({
    ...parts,
    directory: resolve(dags.directory),
    filePattern: dags.filePattern,
    reloadOnChange: dags.reloadOnChange,
    scanIntervalMs: dags.scanIntervalMs,
    maxTaskTimeoutMs: limits.maxTaskTimeoutMs,
  });
}
