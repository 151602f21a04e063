import { AppError, describeError } from "#errors/app-error.ts";
import type { RegisterResult } from "#ports/definition-store.ts";
import type { StoredProblem } from "#ports/stored-problem.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { mapLimited } from "./map-limited.ts";
import type { TakenId } from "./plan-scan.ts";
import type { ReadDefinition, ValidDefinition } from "./read-definition.ts";
import { hookTakenProblem, registerDefinition, registerDefinitions, takenProblem } from "./register-definition.ts";
import type { RegistrationStates } from "./registration-states.ts";

/** Calls to the store side by side. */
const parallelCalls = 8;

/** A file of the folder as it was read. */
export interface ReadFile {
  readonly path: string;
  readonly read: ReadDefinition;
}

interface ValidFile {
  readonly path: string;
  readonly read: ValidDefinition;
}

/** Puts files in force, and keeps what became of them for the next scan. */
export class FileRegistrar {
  /** Files that lost their id to another. */
  readonly taken = new Map<string, TakenId>();
  /** Files with a webhook whose name another definition has. */
  readonly hookless = new Set<string>();
  /** Files whose error the store has. */
  readonly failing = new Set<string>();
  readonly #store: Store;
  readonly #states: RegistrationStates;
  readonly #logger: Logger;

  constructor(deps: { store: Store; states: RegistrationStates; logger: Logger }) {
    this.#store = deps.store;
    this.#states = deps.states;
    this.#logger = deps.logger;
  }

  /** What is known of files that are not there any more. */
  forgetAbsent(present: ReadonlySet<string>): void {
    for (const filePath of this.taken.keys()) if (!present.has(filePath)) this.taken.delete(filePath);
    for (const filePath of this.hookless) if (!present.has(filePath)) this.hookless.delete(filePath);
  }

  /**
   * How many of the contents, which are one chunk, are in force now and were not before. Those with one id come in their
   * order. `missing` are files that have just gone: their ids may move with them.
   */
  async register(files: readonly ReadFile[], missing: ReadonlySet<string>): Promise<number> {
    await mapLimited(files, parallelCalls, async ({ path, read }) => {
      if (read.kind === "invalid") await this.fail(path, read.hash, read.problems);
    });
    const valid = files.flatMap(({ path, read }): ValidFile[] => (read.kind === "valid" ? [{ path, read }] : []));
    let registered = 0;
    for (const batch of batchesOf(valid)) {
      for (const { path } of batch) this.#states.set(path, "registering");
      const results = await this.#registerBatch(batch);
      for (const [place, file] of batch.entries()) {
        const result = results[place] ?? null;
        if (result !== null && (await this.#note(file, result, missing))) registered += 1;
      }
    }
    return registered;
  }

  async fail(file: string, hash: string, problems: readonly StoredProblem[]): Promise<void> {
    await this.#store.definitions.recordImportError(file, hash, problems);
    this.failing.add(file);
    this.#states.set(file, "failed");
    const [first] = problems;
    const fields = { file, problems: problems.length, code: first?.code, line: first?.line };
    this.#logger.warn(fields, `an import error: ${first?.message ?? "unknown"}`);
  }

  /** Null for a content that the store can't take. A batch that fails is tried again one by one, to find out which. */
  async #registerBatch(batch: readonly ValidFile[]): Promise<readonly (RegisterResult | null)[]> {
    try {
      return await registerDefinitions(this.#store, batch);
    } catch (thrown) {
      if (thrown instanceof AppError && thrown.retryable) throw thrown;
      const results: (RegisterResult | null)[] = [];
      for (const file of batch) results.push(await this.#tryRegister(file));
      return results;
    }
  }

  /** Null: the store can't take this content, which is an error of the file and stops no other. */
  async #tryRegister({ path, read }: ValidFile): Promise<RegisterResult | null> {
    try {
      return await registerDefinition(this.#store, read, path);
    } catch (thrown) {
      if (thrown instanceof AppError && thrown.retryable) throw thrown;
      this.#logger.error({ err: thrown, file: path }, "a definition could not be stored");
      const message = `the definition can't be stored: ${describeError(thrown)}`;
      const problem = { file: path, line: 1, column: 1, code: "NOT_STORED", message, hint: "", warning: false };
      await this.fail(path, read.hash, [problem]);
      return null;
    }
  }

  /** True: the content is in force now and was not before. */
  async #note({ path, read }: ValidFile, result: RegisterResult, missing: ReadonlySet<string>): Promise<boolean> {
    const { id } = read.definition;
    if (result.kind === "taken") {
      this.taken.set(path, { dagId: id, owner: result.filePath });
      // A file that has just gone may have become this one: the listing that confirms it decides.
      if (!missing.has(result.filePath)) await this.fail(path, read.hash, [takenProblem(read, path, result.filePath)]);
      return false;
    }
    if (result.kind === "hook_taken") {
      this.hookless.add(path);
      await this.fail(path, read.hash, [hookTakenProblem(read, path, result)]);
      return false;
    }
    this.taken.delete(path);
    this.hookless.delete(path);
    this.failing.delete(path);
    this.#states.set(path, "active");
    const fields = { dag_id: id, file: path, version: result.version, warnings: read.warnings.length };
    if (result.changed) this.#logger.info(fields, "a definition is in force");
    return result.changed;
  }
}

/** In order; the ids of one batch differ. */
function batchesOf(files: readonly ValidFile[]): readonly (readonly ValidFile[])[] {
  const batches: ValidFile[][] = [];
  const ids = new Set<string>();
  for (const file of files) {
    const { id } = file.read.definition;
    const batch = batches.at(-1);
    if (batch === undefined || ids.has(id)) {
      batches.push([file]);
      ids.clear();
    } else batch.push(file);
    ids.add(id);
  }
  return batches;
}
