import { create } from "@bufbuild/protobuf";
import { createHash, randomUUID } from "node:crypto";
import { artifactLimits } from "#artifacts/artifact-limits.ts";
import { findNameProblem } from "#artifacts/artifact-name.ts";
import { mediaTypeOf } from "#artifacts/media-type.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import { ArtifactAckSchema, type ArtifactChunk, type AttemptRef } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { ArtifactCatalog } from "#ports/artifact-catalog.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { ArtifactUpload } from "./artifact-upload.ts";
import { attemptId } from "./attempt-ref.ts";
import type { HeldAttempt } from "./held-attempt.ts";
import type { WorkerSession } from "./session.ts";

export interface ArtifactKeeping {
  /** Null: this executor keeps no files. */
  readonly store: ArtifactStore | null;
  readonly index: ArtifactCatalog;
  readonly logger: Logger;
}

/** Takes the files that one worker's attempts have left, one of an attempt at a time, and stores them as they come. */
export class ArtifactReceiver {
  readonly #session: WorkerSession;
  readonly #keeping: ArtifactKeeping;
  readonly #uploads = new Map<string, ArtifactUpload>();
  /** Names of the files that attempts have begun to send. */
  readonly #names = new WeakMap<HeldAttempt, Set<string>>();

  constructor(session: WorkerSession, keeping: ArtifactKeeping) {
    this.#session = session;
    this.#keeping = keeping;
  }

  receive(chunk: ArtifactChunk): void {
    const { attempt: ref, upload: number, offset } = chunk;
    if (ref === undefined) return;
    if (offset === 0n) this.#begin(ref, chunk);
    const upload = this.#uploads.get(attemptId(ref));
    // What follows a refusal is dropped: it was under way.
    if (upload?.number === number) upload.push(Number(offset), chunk.data);
  }

  /** No more of the attempt's files will come. */
  abandon(ref: AttemptRef): void {
    this.#uploads.get(attemptId(ref))?.abort("its attempt has ended");
    this.#uploads.delete(attemptId(ref));
  }

  /** The session is over. */
  close(): void {
    for (const upload of this.#uploads.values()) upload.abort("the session ended");
    this.#uploads.clear();
  }

  #begin(ref: AttemptRef, chunk: ArtifactChunk): void {
    this.abandon(ref);
    const held = this.#session.find(ref);
    const { store } = this.#keeping;
    const problem = held === undefined ? "this attempt is not this worker's" : this.#problemOf(held, chunk);
    if (held === undefined || store === null || problem !== null) {
      const none = "this server keeps no artifacts; set `artifacts.directory`";
      this.#acknowledge(ref, { upload: chunk.upload, error: problem ?? none });
      return;
    }
    const upload = new ArtifactUpload(chunk.upload, Number(chunk.size), (received) =>
      this.#acknowledge(ref, { upload: chunk.upload, received: BigInt(received) }),
    );
    this.#uploads.set(attemptId(ref), upload);
    void this.#keep(held, { upload, name: chunk.name, store });
  }

  #problemOf(held: HeldAttempt, { name, size }: ArtifactChunk): string | null {
    const problem = findNameProblem(name);
    if (problem !== null) return `its name ${problem}`;
    const { fileBytes, files } = artifactLimits;
    if (size < 0n || size > BigInt(fileBytes)) return `it has ${size} bytes; at most ${fileBytes} are kept`;
    const names = this.#names.get(held) ?? new Set();
    this.#names.set(held, names.add(name));
    return names.size > files ? `the attempt has more than ${files} files` : null;
  }

  async #keep(
    held: HeldAttempt,
    { upload, name, store }: { upload: ArtifactUpload; name: string; store: ArtifactStore },
  ): Promise<void> {
    const { runKey, ordinal, ref } = held;
    const { generation, tryNumber } = ref;
    const location = `${runKey}/${ordinal}/${generation}.${tryNumber}/${randomUUID()}`;
    const hash = createHash("sha256");
    try {
      await this.#keeping.index.expect(location);
      await store.write(location, upload.content(hash), upload.size);
      const address = { runKey, ordinal, generation, tryNumber };
      const content = { sizeBytes: upload.size, sha256: hash.digest("hex"), mediaType: mediaTypeOf(name), location };
      const before = await this.#list({ ...address, name, ...content }, store);
      // It is noted, and nobody waits for it: a store that hangs at removals would hold up the acknowledgement.
      if (before !== null) void this.#remove(store, before);
      this.#acknowledge(ref, { upload: upload.number, received: BigInt(upload.size), stored: true });
    } catch (thrown) {
      upload.abort("it could not be stored");
      const error = AppError.from(thrown);
      this.#keeping.logger.warn(
        { error: describeError(thrown), dag_run_id: ref.dagRunId, task_id: ref.taskId, name },
        "an artifact was not stored",
      );
      this.#acknowledge(ref, { upload: upload.number, error: error.message, retryable: error.retryable });
    } finally {
      if (this.#uploads.get(attemptId(ref)) === upload) this.#uploads.delete(attemptId(ref));
    }
  }

  async #list(artifact: Parameters<ArtifactCatalog["add"]>[0], store: ArtifactStore): Promise<string | null> {
    try {
      return await this.#keeping.index.add(artifact);
    } catch (error) {
      // A commit without an answer may have listed it; then the list names a file that is gone.
      await this.#remove(store, artifact.location);
      throw error;
    }
  }

  async #remove(store: ArtifactStore, location: string): Promise<void> {
    await store
      .remove(location)
      .catch((error: unknown) =>
        this.#keeping.logger.warn(
          { error: describeError(error), location },
          "a file that is not listed stays stored for now",
        ),
      );
  }

  #acknowledge(
    attempt: AttemptRef,
    ack: { upload: bigint; received?: bigint; stored?: boolean; error?: string; retryable?: boolean },
  ): void {
    this.#session.send({ case: "artifactAck", value: create(ArtifactAckSchema, { attempt, ...ack }) });
  }
}
