import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { artifactLimits } from "#artifacts/artifact-limits.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { ArtifactAck } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { ArtifactFile } from "./artifact-files.ts";
import { type AttemptRef, keyOf } from "./attempt.ts";
import { toRefMessage, type toRequest } from "./session-messages.ts";

/** No executor takes anything for so long: the file is given up. In milliseconds. */
const stallMs = 60_000;
/** A file is begun so often, be it that sessions end or that the store is away. */
const maxTries = 5;
const retryPauseMs = 1000;

type Message = Parameters<typeof toRequest>[0];

/** One file on its way. */
interface Upload {
  /** Bytes that the executor has taken. */
  received: number;
  /** Null: it goes on. */
  end: "stored" | "interrupted" | AppError | null;
  /** Called when something has changed. */
  wake: () => void;
}

/** Sends files over the session, at most a few pieces ahead of what the executor has taken; one file of an attempt at a time. */
export class ArtifactUploads {
  readonly #send: (key: string, message: Message) => void;
  readonly #uploads = new Map<number, Upload>();
  readonly #waitingForSession = new Set<() => void>();
  /** Null: there is none. */
  #session: number | null = null;
  #lastUpload = 0;

  /** `send` sends in bulk, for the attempt of this key. */
  constructor(send: (key: string, message: Message) => void) {
    this.#send = send;
  }

  /** What was under way on another session begins anew. */
  setSession(session: number | null): void {
    if (session === this.#session) return;
    this.#session = session;
    for (const upload of this.#uploads.values()) end(upload, "interrupted");
    if (session !== null) for (const wake of this.#waitingForSession) wake();
  }

  receive({ upload: number, received, stored, error, retryable }: ArtifactAck): void {
    const upload = this.#uploads.get(Number(number));
    if (upload === undefined) return;
    upload.received = Number(received);
    if (error !== "") end(upload, new AppError(retryable ? "ARTIFACT_STORE_UNAVAILABLE" : "INVALID_ARTIFACT", error));
    else if (stored) end(upload, "stored");
    else upload.wake();
  }

  /** Resolves when the file is stored. Rejects with the reason for which it is not, also when the signal ends it. */
  async send(ref: AttemptRef, file: ArtifactFile, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      await this.#sessionIsThere(signal);
      const result = await this.#sendOnce(ref, file, signal);
      if (result === "stored") return;
      if (result instanceof AppError && !result.retryable) throw result;
      if (tries === maxTries)
        throw result instanceof AppError ? result : gaveUp("the session to the executor kept ending");
      if (result instanceof AppError) await pause(retryPauseMs * tries, signal);
    }
  }

  async #sendOnce(ref: AttemptRef, file: ArtifactFile, signal: AbortSignal): Promise<NonNullable<Upload["end"]>> {
    this.#lastUpload += 1;
    const number = this.#lastUpload;
    const upload: Upload = { received: 0, end: null, wake: () => undefined };
    this.#uploads.set(number, upload);
    try {
      const handle = await open(file.path, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        await this.#sendPieces({ ref, file, number, upload, handle, signal });
      } finally {
        await handle.close();
      }
      while (upload.end === null) await changed(upload, signal);
      return upload.end;
    } catch (error) {
      throw error instanceof AppError ? error : gaveUp(`it can't be read: ${describeError(error)}`);
    } finally {
      this.#uploads.delete(number);
    }
  }

  async #sendPieces(options: {
    ref: AttemptRef;
    file: ArtifactFile;
    number: number;
    upload: Upload;
    handle: FileHandle;
    signal: AbortSignal;
  }): Promise<void> {
    const { ref, file, number, upload, handle, signal } = options;
    const { chunkBytes, chunksUnderWay } = artifactLimits;
    const size = file.sizeBytes;
    let offset = 0;
    do {
      while (upload.end === null && offset - upload.received >= chunkBytes * chunksUnderWay)
        await changed(upload, signal);
      if (upload.end !== null) return;
      const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, size - offset));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
      if (bytesRead < buffer.length) throw gaveUp("it became shorter while it was read");
      if (upload.end !== null) return;
      const place = { upload: BigInt(number), name: file.name, size: BigInt(size), offset: BigInt(offset) };
      this.#send(keyOf(ref), { case: "artifactChunk", value: { attempt: toRefMessage(ref), ...place, data: buffer } });
      offset += bytesRead;
    } while (offset < size);
  }

  async #sessionIsThere(signal: AbortSignal): Promise<void> {
    while (this.#session === null) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waitingForSession.add(resolve);
      try {
        await withinDeadline(promise, signal);
      } finally {
        this.#waitingForSession.delete(resolve);
      }
    }
  }
}

function end(upload: Upload, how: NonNullable<Upload["end"]>): void {
  upload.end ??= how;
  upload.wake();
}

function changed(upload: Upload, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  upload.wake = resolve;
  return withinDeadline(promise, signal);
}

async function withinDeadline(event: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(gaveUp("the attempt was stopped"));
  if (signal.aborted) stop();
  const timer = setTimeout(() => reject(gaveUp(`no executor took it within ${stallMs / 1000} s`)), stallMs);
  signal.addEventListener("abort", stop, { once: true });
  try {
    await Promise.race([event, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await withinDeadline(promise, signal).finally(() => clearTimeout(timer));
}

function gaveUp(why: string): AppError {
  return new AppError("INVALID_ARTIFACT", why);
}
