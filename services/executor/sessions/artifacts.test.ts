import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createDirectoryStore } from "#artifacts/directory-store.ts";
import type { ArtifactAck, Assignment } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Store } from "#ports/store.ts";
import { createRunningStore } from "#testing/clocked-store.ts";
import { startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { type FakeWorker, refOf } from "../fake-worker.testsuite.ts";

const single = "id: single\ntasks: [{id: a, type: noop, operator: {}}]\n";

async function startWithFolder(given: { artifacts?: ArtifactStore } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "millrace-artifacts-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const store = createRunningStore(toPlan);
  const artifacts = given.artifacts ?? createDirectoryStore(folder);
  const executor = await startExecutor(store, { artifacts });
  const runId = await executor.startRun(single);
  const worker = executor.connect({ workerId: "w" });
  const assignment = await worker.assigned("a");
  return { folder, store, executor, runId, worker, assignment, artifacts };
}

interface Piece {
  readonly name?: string;
  readonly size?: number;
  readonly offset?: number;
  readonly upload?: number;
}

function sendPiece(worker: FakeWorker, assignment: Assignment, data: string, piece: Piece = {}): void {
  const { name = "a.txt", size = data.length, offset = 0, upload = 1 } = piece;
  const place = { upload: BigInt(upload), name, size: BigInt(size), offset: BigInt(offset) };
  worker.send({ case: "artifactChunk", value: { attempt: refOf(assignment), ...place, data: Buffer.from(data) } });
}

async function verdict(worker: FakeWorker, upload = 1): Promise<ArtifactAck> {
  return worker.heard("artifactAck", (ack) => ack.upload === BigInt(upload) && (ack.stored || ack.error !== ""));
}

async function listed(store: Store, runId: string) {
  const filter = { runId, taskId: null, mapIndex: null, name: null, attempts: "all" as const };
  return (await store.artifacts.list({ limit: 100, cursor: null, sort: null }, filter)).items;
}

async function textOf(store: ArtifactStore, location: string): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of (await store.read(location)) ?? []) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe("an executor that keeps artifacts", () => {
  it("stores and lists a file that comes in pieces, and one without bytes", async () => {
    const { store, runId, worker, assignment, artifacts } = await startWithFolder();
    sendPiece(worker, assignment, "hello ", { size: 11 });
    sendPiece(worker, assignment, "world", { size: 11, offset: 6 });
    expect(await verdict(worker)).toMatchObject({ stored: true, received: 11n });
    sendPiece(worker, assignment, "", { name: "b/ü.csv", upload: 2 });
    expect(await verdict(worker, 2)).toMatchObject({ stored: true });
    const rows = await listed(store, runId);
    expect(rows.map(({ name, sizeBytes, mediaType, sha256 }) => [name, sizeBytes, mediaType, sha256])).toEqual([
      ["a.txt", 11, "text/plain", "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"],
      ["b/ü.csv", 0, "text/csv", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ]);
    expect(await textOf(artifacts, rows[0]?.location ?? "")).toBe("hello world");
  });

  it("takes a file that is sent again in the place of the first, whose bytes it removes", async () => {
    const { store, folder, runId, worker, assignment, artifacts } = await startWithFolder();
    sendPiece(worker, assignment, "one");
    await verdict(worker);
    sendPiece(worker, assignment, "other", { upload: 2 });
    await verdict(worker, 2);
    const [row, ...rest] = await listed(store, runId);
    expect(rest).toEqual([]);
    expect(await textOf(artifacts, row?.location ?? "")).toBe("other");
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files).toHaveLength(1);
  });

  it("begins a file anew when its first piece comes again", async () => {
    const { store, runId, worker, assignment, artifacts } = await startWithFolder();
    sendPiece(worker, assignment, "half", { size: 8 });
    sendPiece(worker, assignment, "whole ha", { size: 8, upload: 2 });
    expect(await verdict(worker, 2)).toMatchObject({ stored: true });
    const [row] = await listed(store, runId);
    expect(await textOf(artifacts, row?.location ?? "")).toBe("whole ha");
  });

  it.each([
    [{ name: "../a" }, "its name is no relative path"],
    [{ name: "e\u0301" }, "NFC"],
    [{ size: 2 ** 31 }, "at most 1073741824 are kept"],
  ])("refuses %j", async (piece, error) => {
    const { store, runId, worker, assignment } = await startWithFolder();
    sendPiece(worker, assignment, "x", piece);
    expect(await verdict(worker)).toMatchObject({
      stored: false,
      error: expect.stringContaining(error),
      retryable: false,
    });
    expect(await listed(store, runId)).toEqual([]);
  });

  it("refuses pieces out of order, and more files than an attempt may have", async () => {
    const { worker, assignment } = await startWithFolder();
    sendPiece(worker, assignment, "ab", { size: 9 });
    sendPiece(worker, assignment, "cd", { size: 9, offset: 4 });
    expect((await verdict(worker)).error).toBe("a piece begins at 4, not at 2");
    for (let place = 2; place <= 101; place += 1)
      sendPiece(worker, assignment, "", { name: `f${place}`, upload: place });
    expect((await verdict(worker, 101)).error).toBe("the attempt has more than 100 files");
  });

  it("says that another try may help when the store is away, and goes on with the attempt", async () => {
    const artifacts: ArtifactStore = createDirectoryStore("/dev/null/artifacts");
    const { executor, runId, worker, assignment } = await startWithFolder({ artifacts });
    sendPiece(worker, assignment, "x");
    expect(await verdict(worker)).toMatchObject({
      retryable: true,
      error: expect.stringContaining("/dev/null/artifacts"),
    });
    worker.succeed(assignment);
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
  });

  it("stores nothing of a file whose session ends in the middle, nor of an attempt that is not the worker's", async () => {
    const { store, folder, runId, worker, assignment, executor } = await startWithFolder();
    sendPiece(worker, assignment, "half", { size: 8 });
    await worker.heard("artifactAck");
    const other = executor.connect({ workerId: "other" });
    sendPiece(other, assignment, "x");
    expect((await verdict(other)).error).toBe("this attempt is not this worker's");
    await worker.close();
    await expect.poll(() => readdirSync(join(folder, ".incoming"))).toEqual([]);
    expect(await listed(store, runId)).toEqual([]);
  });
});

it("says how to keep artifacts where it keeps none", async () => {
  const store = createRunningStore(toPlan);
  const executor = await startExecutor(store);
  await executor.startRun(single);
  const worker = executor.connect({ workerId: "w" });
  sendPiece(worker, await worker.assigned("a"), "x");
  expect((await verdict(worker)).error).toContain("set `artifacts.directory`");
});
