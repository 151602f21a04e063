import path from "node:path";
import { watch } from "chokidar";
import type { Logger } from "#telemetry/logger.ts";

export interface FolderWatch {
  /** Resolves when every change from now on is seen, or when watching has failed. */
  readonly ready: Promise<undefined>;
  close(): Promise<void>;
}

/**
 * Calls `onChange` for anything that happens below `root`, also when the root comes into being later. Events are hints:
 * what gets lost, a scan finds. The library rather than `fs.watch`, whose recursive form on Linux walks the tree
 * synchronously, holds one watch per file and gives up on folders that come and go; this one watches per folder.
 * Links are not followed, so that a link never makes it watch what lies outside; names that begin with two dots are
 * watched, as that is how mounted configuration is replaced.
 */
export function watchFolder(options: { root: string; onChange: () => void; logger: Logger }): FolderWatch {
  const root = path.resolve(options.root);
  const watcher = watch(root, {
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    ignorePermissionErrors: true,
    ignored: (entry) => entry !== root && /^\.[^.]/.test(path.basename(entry)),
  });
  const ready = Promise.withResolvers<undefined>();
  let isWarned = false;
  watcher.once("ready", () => ready.resolve(undefined));
  watcher.on("all", options.onChange);
  watcher.on("error", (error) => {
    if (!isWarned) options.logger.warn({ err: error }, "watching the definitions folder fails; scans go on");
    isWarned = true;
    ready.resolve(undefined);
  });
  return { ready: ready.promise, close: () => watcher.close() };
}
