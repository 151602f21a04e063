import type { Hash } from "node:crypto";
import { artifactLimits } from "#artifacts/artifact-limits.ts";
import { AppError } from "#errors/app-error.ts";

/** Bytes of one message, by the protocol. */
const maxPieceBytes = 1024 * 1024;

/** One file between the session that it comes in by and the store that takes it: it waits here for the store, never for more. */
export class ArtifactUpload {
  readonly number: bigint;
  readonly size: number;
  readonly #taken: (bytes: number) => void;
  #waiting: Uint8Array[] = [];
  /** Bytes that have come. */
  #come = 0;
  #failure: AppError | null = null;
  #wake: () => void = () => undefined;

  /** `taken` is called as the store takes pieces, with all bytes that it has. */
  constructor(number: bigint, size: number, taken: (bytes: number) => void) {
    this.number = number;
    this.size = size;
    this.#taken = taken;
  }

  /** A worker that sends out of order, or further ahead than it may, has its file refused. */
  push(offset: number, piece: Uint8Array): void {
    if (this.#failure !== null) return;
    if (offset !== this.#come) this.abort(`a piece begins at ${offset}, not at ${this.#come}`);
    else if (piece.length > maxPieceBytes) this.abort(`a piece has more than ${maxPieceBytes} bytes`);
    else if (this.#waiting.length >= artifactLimits.chunksUnderWay) this.abort("it is sent faster than it is taken");
    else this.#waiting.push(piece);
    this.#come += piece.length;
    this.#wake();
  }

  abort(why: string): void {
    this.#failure ??= new AppError("INVALID_ARTIFACT", why);
    this.#waiting = [];
    this.#wake();
  }

  /** The bytes as they come; each piece is taken when the next one is asked for. */
  async *content(hash: Hash): AsyncGenerator<Uint8Array> {
    let taken = 0;
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const piece = this.#waiting.shift();
      if (piece !== undefined) {
        hash.update(piece);
        yield piece;
        taken += piece.length;
        if (taken >= this.size) return;
        this.#taken(taken);
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
