import { readFile } from "node:fs/promises";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { AppError, describeError } from "#errors/app-error.ts";
import type { RegisterResult } from "#ports/definition-store.ts";
import type { StoredProblem } from "#ports/stored-problem.ts";
import type { ImportErrorView } from "#ports/dag-views.ts";
import type { Page } from "#ports/queries.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { type HashCache, listFolder, type RefusedPath } from "./list-folder.ts";
import { mapLimited } from "./map-limited.ts";
import { planScan, problemHash, type ScanAction, type TakenId } from "./plan-scan.ts";
import { type DefinitionRules, type ReadDefinition, readDefinition, type ValidDefinition } from "./read-definition.ts";
import { hookTakenProblem, registerDefinition, takenProblem } from "./register-definition.ts";
import { RegistrationStates } from "./registration-states.ts";
import type { TemplateShelf } from "./template-shelf.ts";

/** Files that are read before any of them is registered: bounds memory. */
const chunkSize = 64;
/** Import errors read at once. */
const pageSize = 100;
/** Calls to the store side by side. */
const parallelCalls = 8;

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

interface ReadFile {
  readonly path: string;
  readonly read: ReadDefinition;
}

/** Brings the store in line with the folder, one scan at a time. The store says what is known; here is only what speeds it up. */
export class FolderScanner {
  readonly states: RegistrationStates = new RegistrationStates();
  readonly #deps: ScannerDeps;
  readonly #cache: HashCache = new Map();
  readonly #taken = new Map<string, TakenId>();
  /** Files with a webhook whose name another definition has. */
  readonly #hookless = new Set<string>();
  /** The last scan put definitions in force or took some out of it: names of webhooks may be free. */
  #mayFreeHooks = false;
  /** Files whose error the store has; null: not read yet. */
  #failing: Set<string> | null = null;
  #missing: ReadonlySet<string> = new Set();
  #isFirst = true;

  constructor(deps: ScannerDeps) {
    this.#deps = deps;
  }

  /** Lists the folder and applies what follows from it. Throws when the store does not answer; what was applied stays. */
  async scan(signal: AbortSignal): Promise<ScanResult> {
    const { store, root, matches, shelf } = this.#deps;
    await shelf.refresh();
    const known = shelf.withTemplates(await store.definitions.listKnownFiles());
    this.#failing ??= new Set(await listFailing(store));
    const listing = await listFolder({ root, matches, cache: this.#cache });
    const retry = this.#isFirst ? new Set(this.#failing) : new Set(this.#mayFreeHooks ? this.#hookless : []);
    const { actions, missing, degraded } = planScan(known, listing, {
      missing: this.#missing,
      taken: this.#taken,
      retry,
    });
    this.states.observe({ known, listing, failing: this.#failing });
    const toRegister: string[] = [];
    for (const action of actions) {
      if (signal.aborted) break;
      if (action.kind === "register") toRegister.push(action.path);
      else await this.#apply(action);
    }
    const present = new Set(listing.files.map((file) => file.path));
    const definitions = await this.#shelveTemplates(toRegister, { present, signal });
    const { changed } = shelf;
    let registered = 0;
    for (let at = 0; at < definitions.length && !signal.aborted; at += chunkSize) {
      registered += await this.#registerChunk(definitions.slice(at, at + chunkSize), missing);
    }
    this.#missing = missing;
    this.#isFirst &&= signal.aborted;
    if (!signal.aborted) shelf.settle(changed);
    this.#forgetTaken(present);
    this.#mayFreeHooks = registered > 0 || actions.some(({ kind }) => kind === "archive");
    const mayFreeIds = (registered > 0 && this.#taken.size > 0) || (this.#mayFreeHooks && this.#hookless.size > 0);
    const isPending = (missing.size > 0 && degraded === null) || mayFreeIds;
    return { files: listing.files.length, registered, failed: this.#failing.size, isPending, degraded };
  }

  #forgetTaken(present: ReadonlySet<string>): void {
    for (const filePath of this.#taken.keys()) if (!present.has(filePath)) this.#taken.delete(filePath);
    for (const filePath of this.#hookless) if (!present.has(filePath)) this.#hookless.delete(filePath);
  }

  async #apply(action: Exclude<ScanAction, { kind: "register" }>): Promise<void> {
    const { definitions } = this.#deps.store;
    switch (action.kind) {
      case "archive":
        await this.#deps.shelf.withdrawFile(action.path);
        await definitions.archiveFile(action.path);
        this.#failing?.delete(action.path);
        this.states.set(action.path, "archived");
        this.#deps.logger.info({ file: action.path }, "the file is gone, what it held is out of force");
        return;
      case "clear_error":
        await this.#deps.shelf.withdrawFile(action.path);
        await definitions.clearImportError(action.path);
        this.#failing?.delete(action.path);
        this.states.delete(action.path);
        return;
      case "record_error":
        return this.#recordRefusal(action.refused);
    }
  }

  async #recordRefusal(refused: RefusedPath): Promise<void> {
    const { path: file, code, message } = refused;
    const problem = { file, line: 1, column: 1, code, message, hint: "", warning: false };
    await this.#fail(file, problemHash(refused), [problem]);
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
      for (const filePath of next) {
        seen.add(filePath);
        const content = await this.#readContent(filePath);
        if (content !== null && (await this.#shelve(filePath, content))) definitions.add(filePath);
      }
      await shelf.refresh();
      if (shelf.changed.size === 0) break;
      for (const filePath of shelf.instancesOf(shelf.changed)) definitions.add(filePath);
      next = [...(this.#failing ?? [])].filter((filePath) => !seen.has(filePath) && present.has(filePath));
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
      await this.#fail(filePath, shelved.hash, shelved.problems);
      return false;
    }
    await store.definitions.archiveFile(filePath);
    this.#failing?.delete(filePath);
    this.states.set(filePath, "active");
    logger.info({ file: filePath }, "the templates of a file are known");
    return false;
  }

  /** Reads and checks files one after the other, then registers them side by side, those with one id in order. */
  async #registerChunk(paths: readonly string[], missing: ReadonlySet<string>): Promise<number> {
    const contents = await mapLimited(paths, parallelCalls, (filePath) => this.#readContent(filePath));
    let wave: ReadFile[] = [];
    const waves = [wave];
    const idsInWave = new Set<string>();
    for (const [index, content] of contents.entries()) {
      const filePath = paths[index];
      if (content === null || filePath === undefined) continue;
      this.states.set(filePath, "validating");
      const { rules, shelf } = this.#deps;
      const read = readDefinition(content, filePath, { ...rules, templates: shelf.catalog });
      await nextTurn();
      if (read.kind === "valid" && idsInWave.has(read.definition.id)) {
        idsInWave.clear();
        wave = [];
        waves.push(wave);
      }
      if (read.kind === "valid") idsInWave.add(read.definition.id);
      wave.push({ path: filePath, read });
    }
    let registered = 0;
    for (const each of waves) {
      const results = await mapLimited(each, parallelCalls, (file) => this.#register(file, missing));
      registered += results.filter(Boolean).length;
    }
    return registered;
  }

  /** Null: the file is gone or unreadable meanwhile, which the next listing tells. */
  async #readContent(filePath: string): Promise<Buffer | null> {
    this.states.set(filePath, "parsing");
    return readFile(path.join(this.#deps.root, filePath)).catch(() => null);
  }

  /** True: the content is in force now and was not before. */
  async #register({ path: filePath, read }: ReadFile, missing: ReadonlySet<string>): Promise<boolean> {
    const { logger } = this.#deps;
    if (read.kind === "invalid") {
      await this.#fail(filePath, read.hash, read.problems);
      return false;
    }
    this.states.set(filePath, "registering");
    const { id } = read.definition;
    const result = await this.#tryRegister(filePath, read);
    if (result === null) return false;
    if (result.kind === "taken") {
      this.#taken.set(filePath, { dagId: id, owner: result.filePath });
      // A file that has just gone may have become this one: the listing that confirms it decides.
      if (!missing.has(result.filePath))
        await this.#fail(filePath, read.hash, [takenProblem(read, filePath, result.filePath)]);
      return false;
    }
    if (result.kind === "hook_taken") {
      this.#hookless.add(filePath);
      await this.#fail(filePath, read.hash, [hookTakenProblem(read, filePath, result)]);
      return false;
    }
    this.#taken.delete(filePath);
    this.#hookless.delete(filePath);
    this.#failing?.delete(filePath);
    this.states.set(filePath, "active");
    const fields = { dag_id: id, file: filePath, version: result.version, warnings: read.warnings.length };
    if (result.changed) logger.info(fields, "a definition is in force");
    return result.changed;
  }

  /** Null: the store can't take this content, which is an error of the file and stops no other. */
  async #tryRegister(filePath: string, read: ValidDefinition): Promise<RegisterResult | null> {
    try {
      return await registerDefinition(this.#deps.store, read, filePath);
    } catch (thrown) {
      if (thrown instanceof AppError && thrown.retryable) throw thrown;
      this.#deps.logger.error({ err: thrown, file: filePath }, "a definition could not be stored");
      const message = `the definition can't be stored: ${describeError(thrown)}`;
      const problem = { file: filePath, line: 1, column: 1, code: "NOT_STORED", message, hint: "", warning: false };
      await this.#fail(filePath, read.hash, [problem]);
      return null;
    }
  }

  async #fail(file: string, hash: string, problems: readonly StoredProblem[]): Promise<void> {
    await this.#deps.store.definitions.recordImportError(file, hash, problems);
    this.#failing?.add(file);
    this.states.set(file, "failed");
    const [first] = problems;
    const fields = { file, problems: problems.length, code: first?.code, line: first?.line };
    this.#deps.logger.warn(fields, `an import error: ${first?.message ?? "unknown"}`);
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
