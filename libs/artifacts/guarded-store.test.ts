import { expect, it } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { createLogger } from "#telemetry/logger.ts";
import { createManualClock } from "#testing/manual-clock.ts";
import { describeArtifactStore } from "./artifact-store.testsuite.ts";
import { guardStore } from "./guarded-store.ts";
import { startS3Server } from "./s3-server.testsuite.ts";
import { createS3Store } from "./s3-store.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });
const policy = {
  opens: { failureRatio: 0.5, calls: 4 },
  openMs: 30_000,
  longestOpenMs: 60_000,
  halfOpen: { failureRatio: 0.5, calls: 1, windowMs: 10_000 },
  slowCallMs: { closed: 3_600_000, halfOpen: 3_600_000 },
};

async function open() {
  const server = await startS3Server();
  const keys = { accessKeyId: "key", secretAccessKey: "secret" };
  const inner = createS3Store({ endpoint: server.url, bucket: "files", region: "eu-1", prefix: "", ...keys });
  const clock = createManualClock();
  return { server, clock, store: guardStore(inner, "bucket files", { policy, clock, logger }) };
}

describeArtifactStore("a bucket behind a breaker", async () => (await open()).store);

async function* ended(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("x");
  throw new AppError("INVALID_ARTIFACT", "the session ended");
}

it("is left alone when it has failed too often, and tried again later", async () => {
  const { server, clock, store } = await open();
  server.failure = { status: 503, body: "SlowDown" };
  for (let count = 0; count < 4; count += 1) await expect(store.read("1/a")).rejects.toThrow("503 SlowDown");
  const asked = server.requests.length;
  await expect(store.read("1/a")).rejects.toMatchObject({
    code: "ARTIFACT_STORE_UNAVAILABLE",
    message: expect.stringMatching(/^the bucket files is left alone for \d+ ms more: 4 calls failed, the last: .*503/),
  });
  expect(server.requests.length).toBe(asked);
  expect(store.breakers?.[0]?.state).toBe("open");
  server.failure = null;
  clock.advance(30_000);
  await store.read("1/a");
  expect(store.breakers?.[0]?.state).toBe("closed");
});

it("is used on when it does not remove files, and removes them although it is left alone", async () => {
  const { server, store } = await open();
  server.failure = { status: 403, body: "AccessDenied" };
  for (let count = 0; count < 4; count += 1) await expect(store.remove("1/a")).rejects.toThrow("403 AccessDenied");
  expect(store.breakers?.[0]?.state).toBe("closed");
  for (let count = 0; count < 4; count += 1) await expect(store.read("1/a")).rejects.toThrow("403 AccessDenied");
  expect(store.breakers?.[0]?.state).toBe("open");
  server.failure = null;
  await store.remove("1/a");
});

it("is not in trouble for what comes to it, or is not there", async () => {
  const { store } = await open();
  for (let count = 0; count < 6; count += 1) {
    await expect(store.write("1/a", ended(), 9)).rejects.toMatchObject({ code: "INVALID_ARTIFACT" });
    expect(await store.read("1/none")).toBeNull();
  }
  expect(store.breakers?.[0]?.state).toBe("closed");
});
