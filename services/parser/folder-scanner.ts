import { readFile } from "node:fs/promises";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ImportErrorView } from "#ports/dag-views.ts";
import type { Page } from "#ports/queries.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { inChunks } from "./file-chunks.ts";
import { FileRegistrar, type ReadFile } from "./file-registrar.ts";
import { type HashCache, listFolder, type RefusedPath } from "./list-folder.ts";
import { mapLimited } from "./map-limited.ts";
import { planScan, problemHash, type ScanAction } from "./plan-scan.ts";
import { type DefinitionRules, readDefinition } from "./read-definition.ts";
import { RegistrationStates } from "./registration-states.ts";
import type { TemplateShelf } from "./template-shelf.ts";

/** Import errors read at once. */
const pageSize = 100;
/** Files that are read side by side, and are in memory together as they are. */
const parallelReads = 8;

export interface ScanResult {
  /** Definition files in the folder. */
  readonly files: number;
  /** Contents that were put in force. */
  readonly registered: number;
  /** Files that have an import error now. */
  readonly failed: number;
  /** Another scan is needed for the final picture: files are gone, or an id may have become free. */
  readonly isPending: boolean;
  /** Why nothing may be archived; null: the folder is fine. */
  readonly degraded: string | null;
}

interface ScannerDeps {
  readonly store: Store;
  readonly root: string;
  readonly matches: (filePath: string) => boolean;
  readonly rules: DefinitionRules;
  readonly shelf: TemplateShelf;
  readonly logger: Logger;
}

/** Brings the store in line with the folder, one scan at a time. The store says what is known; here is only what speeds it up. */
export class FolderScanner {
  readonly states: RegistrationStates = new RegistrationStates();
  readonly #deps: ScannerDeps;
  readonly #cache: HashCache = new Map();
  readonly #registrar: FileRegistrar;
  /** The last scan put definitions in force or took some out of it: names of webhooks may be free. */
  #mayFreeHooks = false;
  #missing: ReadonlySet<string> = new Set();
  #isFirst = true;

  constructor(deps: ScannerDeps) {
    this.#deps = deps;
    this.#registrar = new FileRegistrar({ store: deps.store, states: this.states, logger: deps.logger });
  }

  /** Lists the folder and applies what follows from it. Throws when the store does not answer; what was applied stays. */
  async scan(signal: AbortSignal): Promise<ScanResult> {
    const { store, root, matches, shelf } = this.#deps;
    await shelf.refresh();
    const known = shelf.withTemplates(await store.definitions.listKnownFiles());
    const { taken, hookless, failing } = this.#registrar;
    if (this.#isFirst) for (const filePath of await listFailing(store)) failing.add(filePath);
    const listing = await listFolder({ root, matches, cache: this.#cache });
    const retry = new Set(this.#isFirst ? failing : this.#mayFreeHooks ? hookless : []);
    const { actions, missing, degraded } = planScan(known, listing, {
      missing: this.#missing,
      taken,
      retry,
    });
    this.states.observe({ known, listing, failing });
    const toRegister: string[] = [];
    for (const action of actions) {
      if (signal.aborted) break;
      if (action.kind === "register") toRegister.push(action.path);
      else await this.#apply(action);
    }
    const present = new Set(listing.files.map((file) => file.path));
    const definitions = await this.#shelveTemplates(toRegister, { present, signal });
    const { changed } = shelf;
    const registered = await this.#registerFiles(definitions, { missing, signal });
    this.#missing = missing;
    this.#isFirst &&= signal.aborted;
    if (!signal.aborted) shelf.settle(changed);
    this.#registrar.forgetAbsent(present);
    this.#mayFreeHooks = registered > 0 || actions.some(({ kind }) => kind === "archive");
    const mayFreeIds = (registered > 0 && taken.size > 0) || (this.#mayFreeHooks && hookless.size > 0);
    const isPending = (missing.size > 0 && degraded === null) || mayFreeIds;
    return { files: listing.files.length, registered, failed: failing.size, isPending, degraded };
  }

  /** How many contents are in force now and were not before. The next files are checked while the store writes the last. */
  async #registerFiles(
    paths: readonly string[],
    { missing, signal }: { missing: ReadonlySet<string>; signal: AbortSignal },
  ): Promise<number> {
    let registered = 0;
    let writing: Promise<number> = Promise.resolve(0);
    try {
      for await (const files of inChunks(this.#readFiles(paths, signal))) {
        registered += await writing;
        writing = this.#registrar.register(files, missing);
        writing.catch(() => undefined);
      }
    } finally {
      registered += await writing;
    }
    return registered;
  }

  async #apply(action: Exclude<ScanAction, { kind: "register" }>): Promise<void> {
    const { definitions } = this.#deps.store;
    switch (action.kind) {
      case "archive":
        await this.#deps.shelf.withdrawFile(action.path);
        await definitions.archiveFile(action.path);
        this.#registrar.failing.delete(action.path);
        this.states.set(action.path, "archived");
        this.#deps.logger.info({ file: action.path }, "the file is gone, what it held is out of force");
        return;
      case "clear_error":
        await this.#deps.shelf.withdrawFile(action.path);
        await definitions.clearImportError(action.path);
        this.#registrar.failing.delete(action.path);
        this.states.delete(action.path);
        return;
      case "record_error":
        return this.#recordRefusal(action.refused);
    }
  }

  async #recordRefusal(refused: RefusedPath): Promise<void> {
    const { path: file, code, message } = refused;
    const problem = { file, line: 1, column: 1, code, message, hint: "", warning: false };
    await this.#registrar.fail(file, problemHash(refused), [problem]);
  }

  /**
   * Takes over the templates of files, and answers the files in which definitions are looked for: the others of these, and
   * those that a changed template stands behind, or may have kept from being made.
   */
  async #shelveTemplates(
    paths: readonly string[],
    { present, signal }: { present: ReadonlySet<string>; signal: AbortSignal },
  ): Promise<readonly string[]> {
    const { shelf } = this.#deps;
    const definitions = new Set<string>();
    const seen = new Set<string>();
    for (let next = paths; !signal.aborted; ) {
      for await (const { path: filePath, content } of this.#readContents(next, signal)) {
        seen.add(filePath);
        if (content !== null && (await this.#shelve(filePath, content))) definitions.add(filePath);
      }
      await shelf.refresh();
      if (shelf.changed.size === 0) break;
      for (const filePath of shelf.instancesOf(shelf.changed)) definitions.add(filePath);
      next = [...this.#registrar.failing].filter((filePath) => !seen.has(filePath) && present.has(filePath));
      if (next.length === 0) break;
    }
    return [...definitions].filter((filePath) => present.has(filePath)).toSorted();
  }

  /** Whether to look for a definition in the file. */
  async #shelve(filePath: string, content: Buffer): Promise<boolean> {
    const { shelf, store, logger } = this.#deps;
    const shelved = await shelf.putFile(filePath, content);
    if (shelved.kind === "definition") return true;
    if (shelved.kind === "taken") {
      await this.#registrar.fail(filePath, shelved.hash, shelved.problems);
      return false;
    }
    await store.definitions.archiveFile(filePath);
    this.#registrar.failing.delete(filePath);
    this.states.set(filePath, "active");
    logger.info({ file: filePath }, "the templates of a file are known");
    return false;
  }

  /** Checks files one after the other; a turn of the loop between them is for everything else. */
  async *#readFiles(paths: readonly string[], signal: AbortSignal): AsyncGenerator<ReadFile> {
    const { rules, shelf } = this.#deps;
    for await (const { path: filePath, content } of this.#readContents(paths, signal)) {
      if (content === null) continue;
      this.states.set(filePath, "validating");
      yield { path: filePath, read: readDefinition(content, filePath, { ...rules, templates: shelf.catalog }) };
      await nextTurn();
    }
  }

  async *#readContents(
    paths: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly path: string; readonly content: Buffer | null }> {
    for (let at = 0; at < paths.length && !signal.aborted; at += parallelReads) {
      const some = paths.slice(at, at + parallelReads);
      const contents = await mapLimited(some, parallelReads, (filePath) => this.#readContent(filePath));
      for (const [place, filePath] of some.entries()) yield { path: filePath, content: contents[place] ?? null };
    }
  }

  /** Null: the file is gone or unreadable meanwhile, which the next listing tells. */
  async #readContent(filePath: string): Promise<Buffer | null> {
    this.states.set(filePath, "parsing");
    return readFile(path.join(this.#deps.root, filePath)).catch(() => null);
  }
}

/** The paths with an import error; for people, so that a stale answer costs one more look at a file. */
async function listFailing(store: Store): Promise<readonly string[]> {
  const paths: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<ImportErrorView> = await store.queries.listImportErrors({ limit: pageSize, cursor, sort: null });
    paths.push(...page.items.map((error) => error.filePath));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return paths;
}
