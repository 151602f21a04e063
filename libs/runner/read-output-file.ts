import { constants, lstatSync } from "node:fs";
import { open } from "node:fs/promises";
import { describeError } from "#errors/app-error.ts";
import { invalidOutput, maxOutputsBytes, parseOutputs } from "./parse-outputs.ts";
import type { Output } from "./runner-protocol.ts";

/** Escapes and keys may make the file longer than its values. */
const maxFileBytes = 2 * maxOutputsBytes;

/** The outputs, or in `problem` why there are none. A file that the task removed stands for no outputs. */
export async function readOutputFile(path: string): Promise<{ outputs: readonly Output[]; problem: string | null }> {
  if (isEmptyFile(path)) return { outputs: [], problem: null };
  try {
    return { outputs: parseOutputs(await readText(path)), problem: null };
  } catch (error) {
    return { outputs: [], problem: describeError(error) };
  }
}

/** Most tasks have no outputs; that is seen with one look, without waiting for another thread. */
function isEmptyFile(path: string): boolean {
  try {
    const stats = lstatSync(path);
    return stats.isFile() && stats.size === 0;
  } catch {
    return false;
  }
}

/** Never waits for a pipe or follows a link that a task may have put in the file's place. */
async function readText(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(
    (error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
      throw invalidOutput(`the output file can't be read: ${describeError(error)}`);
    },
  );
  if (file === null) return "";
  try {
    const { size } = await file.stat().then((stat) => {
      if (!stat.isFile()) throw invalidOutput("the output file was replaced by something else");
      return stat;
    });
    if (size > maxFileBytes)
      throw invalidOutput(`the output file has ${size} bytes; at most ${maxFileBytes} are read: put references`);
    const bytes = await file.readFile();
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw invalidOutput("the output file is not UTF-8 text");
    throw error;
  } finally {
    await file.close();
  }
}
