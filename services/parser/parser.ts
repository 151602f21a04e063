import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#errors/app-error.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { breakerComponent } from "#breakers/breaker-component.ts";
import type { Store } from "#ports/store.ts";
import type { ComponentStatus, Service } from "#rpc/service.ts";
import type { Logger } from "#telemetry/logger.ts";
import { compileFilePattern } from "./file-filter.ts";
import { FolderScanner } from "./folder-scanner.ts";
import { parserRoutes } from "./parser-service.ts";
import { ScanLoop } from "./scan-loop.ts";
import { TemplateShelf } from "./template-shelf.ts";
import { type FolderWatch, watchFolder } from "./watch-folder.ts";

/** A start waits so long for the watch and for the first scan each; a larger folder goes on being read afterwards. */
const startWaitMs = 5000;

/** Finds, checks and registers definitions: from the folder as it changes, and pushed ones. */
export function createParser(deps: {
  store: Store;
  directory: string;
  filePattern: string;
  reloadOnChange: boolean;
  scanIntervalMs: number;
  operators: OperatorSchemas;
  maxTaskTimeoutMs: number;
  logger: Logger;
}): Service {
  const { store, logger, scanIntervalMs } = deps;
  const rules = { operators: deps.operators, maxTaskTimeoutMs: deps.maxTaskTimeoutMs };
  const matches = compileFilePattern(deps.filePattern);
  const shelf = new TemplateShelf(store);
  const scanner = new FolderScanner({ store, root: deps.directory, matches, rules, shelf, logger });
  let running: { loop: ScanLoop; watch: FolderWatch | null } | null = null;

  const scanNow = async () => {
    if (running === null) throw new AppError("PEER_UNAVAILABLE", "the parser has not started; try again");
    return running.loop.scanNow();
  };
  return {
    name: "parser",
    routes: parserRoutes({ store, root: deps.directory, rules, shelf, scanNow, logger }),
    async start() {
      if (running !== null) return;
      const loop = new ScanLoop({ scan: (signal) => scanner.scan(signal), scanIntervalMs, logger });
      const onChange = (): void => loop.hint();
      const watch = deps.reloadOnChange ? watchFolder({ root: deps.directory, onChange, logger }) : null;
      running = { loop, watch };
      // The scan begins when the watch is there, so that no change falls between the two.
      if (watch !== null) await within(startWaitMs, watch.ready);
      // A failed scan is repeated by the loop and shown by health; it stops no start.
      await within(
        startWaitMs,
        loop.scanNow().catch(() => null),
      );
    },
    async stop() {
      const stopping = running;
      running = null;
      await stopping?.watch?.close();
      await stopping?.loop.stop();
    },
    health: () => ({
      folder: folderHealth(running?.loop ?? null),
      definitions: scanHealth(running?.loop ?? null, scanner),
      breakers: breakerComponent(store.breakers),
    }),
  };
}

/** Resolves with the promise, at the latest after `waitMs`. */
async function within(waitMs: number, promise: Promise<unknown>): Promise<void> {
  const settled = new AbortController();
  const deadline = delay(waitMs, null, { signal: settled.signal }).catch(() => null);
  await Promise.race([promise, deadline]);
  settled.abort();
}

function folderHealth(loop: ScanLoop | null): ComponentStatus {
  if (loop === null) return { status: "unhealthy", detail: "not started" };
  const reason = loop.lastResult?.degraded ?? null;
  return reason === null
    ? { status: "healthy", detail: "" }
    : { status: "degraded", detail: `degraded: folder: ${reason}` };
}

function scanHealth(loop: ScanLoop | null, { states }: FolderScanner): ComponentStatus {
  const error = loop?.lastError ?? null;
  if (error !== null) return { status: "degraded", detail: `the last scan failed: ${error}` };
  return { status: "healthy", detail: `${states.count("active")} active, ${states.count("failed")} failed` };
}
