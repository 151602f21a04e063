import { describeError } from "#errors/app-error.ts";
import { type ArtifactFile, findArtifacts } from "./artifact-files.ts";

/** Stores one file of an attempt; rejects with the reason for which it is not kept. */
export type SendArtifact = (file: ArtifactFile, signal: AbortSignal) => Promise<void>;

/**
 * Stores what an attempt has left in its folder, and says of the rest why it is not kept: an attempt does not fail for
 * what nobody could store.
 */
export async function keepArtifacts(
  directory: string,
  options: { readonly send: SendArtifact; readonly signal: AbortSignal; readonly say: (text: string) => void },
): Promise<void> {
  const { send, signal, say } = options;
  if (signal.aborted) return;
  const { files, notes } = await findArtifacts(directory);
  for (const note of notes) say(note);
  for (const [place, file] of files.entries()) {
    try {
      await send(file, signal);
    } catch (error) {
      const others = files.length - place - 1;
      const rest = signal.aborted && others > 0 ? `, nor are ${others} more` : "";
      say(`the artifact ${JSON.stringify(file.name)} is not kept: ${describeError(error)}${rest}`);
      if (signal.aborted) return;
    }
  }
}
