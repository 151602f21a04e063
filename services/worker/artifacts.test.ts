import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { artifactLimits } from "#artifacts/artifact-limits.ts";
import type { ArtifactChunk, AttemptRef } from "#gen/millrace/v1/worker_session_service_pb.js";
import { findArtifacts } from "./artifact-files.ts";
import { bash, type FakeSession, patience } from "./fake-executor.testsuite.ts";
import { textOf, useWorkers } from "./worker-harness.testsuite.ts";

const harness = useWorkers();
const { chunkBytes, chunksUnderWay } = artifactLimits;

type Ack = { stored?: boolean; error?: string; retryable?: boolean };

/** Says of a piece that it was taken, and of the last one what the test wants. */
function acknowledge(session: FakeSession, chunk: ArtifactChunk, ack: Ack = {}): void {
  const received = chunk.offset + BigInt(chunk.data.length);
  const isLast = received === chunk.size;
  const attempt = chunk.attempt as AttemptRef;
  const value = { attempt, upload: chunk.upload, received, ...(isLast ? { stored: true } : {}), ...ack };
  session.send({ case: "artifactAck", value });
}

/** Takes all files until the outcome has come; answers their pieces. */
async function takeAll(session: FakeSession): Promise<readonly ArtifactChunk[]> {
  let done = 0;
  await vi.waitFor(() => {
    const chunks = session.all("artifactChunk");
    for (const chunk of chunks.slice(done)) acknowledge(session, chunk);
    done = chunks.length;
    expect(session.all("outcome")).toHaveLength(1);
  }, patience);
  return session.all("artifactChunk");
}

test("files that a task leaves are sent in order, piece by piece, and its outcome after them", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  const command = `mkdir $MILLRACE_ARTIFACTS/b; printf hello > $MILLRACE_ARTIFACTS/b/x.txt; : > $MILLRACE_ARTIFACTS/empty
    head -c ${chunkBytes + 5} /dev/zero > $MILLRACE_ARTIFACTS/a`;
  session.assign(...bash("t", command));
  const chunks = await takeAll(session);
  expect(chunks.map(({ name, offset, size, data }) => [name, Number(offset), Number(size), data.length])).toEqual([
    ["a", 0, chunkBytes + 5, chunkBytes],
    ["a", chunkBytes, chunkBytes + 5, 5],
    ["b/x.txt", 0, 5, 5],
    ["empty", 0, 0, 0],
  ]);
  expect(Buffer.from(chunks[2]?.data ?? []).toString()).toBe("hello");
  const kinds = session.received.map((message) => message.case);
  expect(kinds.indexOf("outcome")).toBeGreaterThan(kinds.lastIndexOf("artifactChunk"));
});

test("no more pieces are under way than the executor may hold", async () => {
  harness.executor.onHello = (session) => session.welcome({ intervalMs: 50 });
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(...bash("t", `head -c ${chunkBytes * 9} /dev/zero > $MILLRACE_ARTIFACTS/a`));
  const last = await session.waitFor("artifactChunk", chunksUnderWay);
  // What waits in bulk goes out before the second beat from here is answered and a third one sent.
  await session.waitFor("heartbeat", session.all("heartbeat").length + 3);
  expect(session.all("artifactChunk")).toHaveLength(chunksUnderWay);
  acknowledge(session, last);
  await session.waitFor("artifactChunk", chunksUnderWay * 2);
  expect((await takeAll(session)).length).toBe(9);
});

test("what is not kept is said in the log, and the task succeeds", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(...bash("t", "ln -s /etc/passwd $MILLRACE_ARTIFACTS/link; echo x > $MILLRACE_ARTIFACTS/refused"));
  acknowledge(session, await session.waitFor("artifactChunk"), { stored: false, error: "there is no room" });
  expect(await session.waitFor("outcome")).toMatchObject({ errorCode: "" });
  expect(textOf(session.all("logChunk"))).toEqual([
    'the artifact "link" is not kept: it is a link, a pipe or a device',
    'the artifact "refused" is not kept: there is no room',
  ]);
});

test("a file whose session ends is sent anew on the next one, and a refusal that may pass is tried again", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(...bash("t", `head -c ${chunkBytes * 6} /dev/zero > $MILLRACE_ARTIFACTS/a`));
  await session.waitFor("artifactChunk", 2);
  session.end();
  const again = await harness.executor.waitForSession(2);
  const first = await again.waitFor("artifactChunk");
  expect(Number(first.offset)).toBe(0);
  acknowledge(again, first, { stored: false, error: "the store is away", retryable: true });
  await vi.waitFor(
    () => expect(new Set(again.all("artifactChunk").map(({ upload }) => upload)).size).toBe(2),
    patience,
  );
  const chunks = await takeAll(again);
  const newest = chunks.filter(({ upload }) => upload === chunks.at(-1)?.upload);
  expect(newest.map(({ offset }) => Number(offset) / chunkBytes)).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a task that fails keeps its files too, and one that is cancelled leaves none", async () => {
  await harness.start();
  const session = await harness.executor.waitForSession(1);
  session.assign(...bash("fails", "echo shot > $MILLRACE_ARTIFACTS/screen.png; exit 3"));
  expect((await takeAll(session)).map(({ name }) => name)).toEqual(["screen.png"]);
  session.assign(...bash("stopped", `echo x > $MILLRACE_ARTIFACTS/half; touch ${harness.file("on")}; sleep 300`));
  await harness.waitForFile("on");
  const attempt = { dagRunId: "run1", taskId: "stopped", generation: 1, tryNumber: 1, fence: 1n };
  session.send({ case: "stopOrder", value: { attempt, reason: "cancelled" } });
  await session.waitFor("released");
  expect(session.all("artifactChunk").map(({ name }) => name)).toEqual(["screen.png"]);
});

test("names are brought into one form of Unicode; what others could not use is left out with a note", async () => {
  const folder = harness.file("left");
  mkdirSync(`${folder}/deep`, { recursive: true });
  for (const name of ["e\u0301.txt", "deep/b", "back\\slash", "line\nbreak"]) writeFileSync(`${folder}/${name}`, "x");
  writeFileSync(`${folder}/huge`, "");
  truncateSync(`${folder}/huge`, artifactLimits.fileBytes + 1);
  symlinkSync("/etc", `${folder}/etc`);
  const server = createServer().listen(`${folder}/pipe`);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { files, notes } = await findArtifacts(folder);
  expect(files.map(({ name, sizeBytes }) => `${name} ${sizeBytes}`)).toEqual(["deep/b 1", "\u00e9.txt 1"]);
  expect(notes.toSorted()).toEqual([
    'the artifact "back\\\\slash" is not kept: it has a control character, a backslash, or half of a character',
    'the artifact "etc" is not kept: it is a link, a pipe or a device',
    `the artifact "huge" is not kept: it has ${artifactLimits.fileBytes + 1} bytes; at most ${artifactLimits.fileBytes} are kept`,
    'the artifact "line\\nbreak" is not kept: it has a control character, a backslash, or half of a character',
    'the artifact "pipe" is not kept: it is a link, a pipe or a device',
  ]);
});

test("of many files the first are kept, and a folder that is gone or a link leaves none", async () => {
  const folder = harness.file("many");
  mkdirSync(folder);
  for (let place = 0; place < 130; place += 1) writeFileSync(`${folder}/f${String(place).padStart(3, "0")}`, "");
  const { files, notes } = await findArtifacts(folder);
  expect([files.length, files.at(-1)?.name]).toEqual([100, "f099"]);
  expect(notes).toEqual(["of 130 artifacts only the first 100 are kept: put them into an archive"]);
  expect(await findArtifacts(harness.file("none"))).toEqual({ files: [], notes: [] });
  symlinkSync(folder, harness.file("link"));
  expect((await findArtifacts(harness.file("link"))).files).toEqual([]);
});
