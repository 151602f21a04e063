import type { ReadFile } from "./file-registrar.ts";
import type { ReadDefinition } from "./read-definition.ts";

interface ChunkLimits {
  readonly files: number;
  /** Characters of definitions as they were read. */
  readonly characters: number;
  /** Checked, and as they are sent to the store, a task takes some kilobytes, however short it was written. */
  readonly tasks: number;
}

/** A chunk is in memory as a whole while it is written, and the next one while it is read. */
const chunkLimits: ChunkLimits = { files: 64, characters: 512 * 1024, tasks: 4000 };

/** The files in their order, in chunks that end with the file that reaches a limit. Reads no further than its reader asks. */
export async function* inChunks(
  files: AsyncIterable<ReadFile>,
  limits: ChunkLimits = chunkLimits,
): AsyncGenerator<readonly ReadFile[]> {
  let chunk: ReadFile[] = [];
  let characters = 0;
  let tasks = 0;
  for await (const file of files) {
    chunk.push(file);
    characters += lengthOf(file.read);
    tasks += taskCountOf(file.read);
    if (chunk.length < limits.files && characters < limits.characters && tasks < limits.tasks) continue;
    yield chunk;
    chunk = [];
    characters = 0;
    tasks = 0;
  }
  if (chunk.length > 0) yield chunk;
}

/** Of what is broken only the problems are kept. */
function lengthOf(read: ReadDefinition): number {
  return read.kind === "valid" ? read.text.length : 0;
}

function taskCountOf(read: ReadDefinition): number {
  return read.kind === "valid" ? read.definition.tasks.length : 0;
}
