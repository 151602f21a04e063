import { flushCompileCache, getCompileCacheDir } from "node:module";

/** Means nothing to Node; says that a process was started by `restartCompiled`, which happens once at most. */
const restartedFlag = "--disable-warning=MillraceRestarted";

/** What Node loads to strip types, as the list of its own modules names it. */
const stripper = "amaro";

/**
 * Starts this process again, under its number, if it had to strip types: the stripper would stay in memory with 17 MiB
 * for good, and a process that finds its code in the cache does without. That is the first start after an install or a
 * change. Called when everything is loaded and nothing is open. Returns when there is nothing to gain, or no way to.
 */
export function restartCompiled(): void {
  if (!shouldRestart({ modules: nodeModules(), flags: process.execArgv, cacheFolder: getCompileCacheDir() })) return;
  if (process.execve === undefined || process.platform === "win32") return;
  flushCompileCache();
  process.execve(process.execPath, [process.execPath, ...process.execArgv, restartedFlag, ...process.argv.slice(1)]);
}

/** Whether a process that has loaded these modules of Node would be smaller if it were started again. */
export function shouldRestart({
  modules,
  flags,
  cacheFolder,
}: {
  readonly modules: readonly string[];
  readonly flags: readonly string[];
  readonly cacheFolder: string | undefined;
}): boolean {
  if (cacheFolder === undefined || flags.includes(restartedFlag)) return false;
  return modules.some((name) => name.includes(stripper));
}

/** Node's own modules that are loaded; none where Node does not say. */
function nodeModules(): readonly string[] {
  const { moduleLoadList } = process as { readonly moduleLoadList?: readonly string[] };
  return moduleLoadList ?? [];
}
