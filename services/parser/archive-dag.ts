import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { AppError } from "#errors/app-error.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";

/**
 * Takes a DAG out of force; one that is archived already stays so. Throws `DAG_NOT_FOUND`, or `DAG_FILE_PRESENT` while the
 * file of it is in the folder, or may be: an archived DAG would be back with the next scan.
 */
export async function archiveDag(deps: { store: Store; root: string; logger: Logger }, dagId: string): Promise<void> {
  const { definitions } = deps.store;
  const first = await definitions.archiveDag(dagId, null);
  const isGone = first.kind === "has_file" && (await isFileGone(deps.root, first.filePath));
  const result = isGone ? await definitions.archiveDag(dagId, first.filePath) : first;
  switch (result.kind) {
    case "archived":
      if (result.changed) deps.logger.info({ dag_id: dagId }, "a DAG was taken out of force by a call");
      return;
    case "unknown":
      throw new AppError("DAG_NOT_FOUND", `there is no DAG ${dagId}`, { details: { dag_id: dagId } });
    case "has_file": {
      const message = `the DAG ${dagId} is in force by the file ${result.filePath}; remove the file instead`;
      throw new AppError("DAG_FILE_PRESENT", message, { details: { dag_id: dagId, file_path: result.filePath } });
    }
  }
}

/** False also where it can't be told: the folder itself may be away for a while. */
async function isFileGone(root: string, filePath: string): Promise<boolean> {
  try {
    await readdir(root);
  } catch {
    return false;
  }
  try {
    await stat(path.join(root, filePath));
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR";
  }
}
