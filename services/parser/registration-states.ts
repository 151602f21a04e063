import type { KnownFile } from "#ports/definition-store.ts";
import type { FolderListing } from "./list-folder.ts";

/**
 * Where a file is on its way into force:
 * - `discovered` it was listed; nothing of it has been looked at.
 * - `parsing` it is read, `validating` it is checked, `registering` it is written; an older version of it stays in force.
 * - `active` its content is in force. `failed` it has an import error; an older version of it may be in force.
 * - `archived` it is gone, and its DAG is out of force.
 */
export type RegistrationState =
  | "discovered"
  | "parsing"
  | "validating"
  | "registering"
  | "active"
  | "failed"
  | "archived";

/** The states of the folder's files, for health and logs; the store has what lasts. */
export class RegistrationStates {
  readonly #states = new Map<string, RegistrationState>();

  /** Takes over what a listing and the store say together; states on the way are set by who moves a file. */
  observe(facts: { known: readonly KnownFile[]; listing: FolderListing; failing: ReadonlySet<string> }): void {
    this.#states.clear();
    for (const { path } of facts.listing.files) this.#states.set(path, "discovered");
    for (const { filePath, isActive } of facts.known) {
      this.#states.set(filePath, isActive && !facts.failing.has(filePath) ? "active" : "failed");
    }
  }

  set(filePath: string, state: RegistrationState): void {
    this.#states.set(filePath, state);
  }

  delete(filePath: string): void {
    this.#states.delete(filePath);
  }

  count(state: RegistrationState): number {
    let count = 0;
    for (const each of this.#states.values()) if (each === state) count += 1;
    return count;
  }
}
