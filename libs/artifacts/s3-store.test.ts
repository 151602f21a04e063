import { expect, it } from "vitest";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import { findFreePort } from "#testing/free-port.ts";
import { describeArtifactStore, listAll } from "./artifact-store.testsuite.ts";
import { startS3Server } from "./s3-server.testsuite.ts";
import { createS3Store, type S3Options } from "./s3-store.ts";

function storeAt(endpoint: string, change: Partial<S3Options> = {}): ArtifactStore {
  const keys = { accessKeyId: "key", secretAccessKey: "secret" };
  return createS3Store({ endpoint, bucket: "files", region: "eu-1", prefix: "prod/", ...keys, ...change });
}

describeArtifactStore("a bucket of artifacts", async () => storeAt((await startS3Server()).url));

async function* megabytes(count: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < count; done += 1) yield Buffer.alloc(1024 * 1024, done);
}

it("puts objects under bucket and prefix, with their length and a signature that leaves the body out", async () => {
  const server = await startS3Server();
  await storeAt(`${server.url}/`).write("1/0/1.1/a", megabytes(3), 3 * 1024 * 1024);
  expect([...server.objects.keys()]).toEqual(["/files/prod/1/0/1.1/a"]);
  expect(server.requests[0]?.headers).toMatchObject({
    "content-length": String(3 * 1024 * 1024),
    "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
  });
});

it("lists what is below its prefix and can be a file of Millrace's, and says when the service gives no list", async () => {
  const server = await startS3Server();
  const store = storeAt(server.url, { prefix: "a b+c/" });
  await store.write("1/0/1.1/a", megabytes(0), 0);
  for (const key of ["other/1/0/1.1/b", "a%20b+c/.hidden", "a%20b+c/x%20y"])
    server.objects.set(`/files/${key}`, Buffer.alloc(0));
  expect((await listAll(store)).map(({ location }) => location)).toEqual(["1/0/1.1/a"]);
  server.failure = { status: 200, body: "<html>" };
  await expect(listAll(store)).rejects.toMatchObject({
    code: "ARTIFACT_STORE_UNAVAILABLE",
    message: expect.stringContaining("it does not answer with a list of objects"),
  });
});

it("says what the service answers, and that another try may help", async () => {
  const server = await startS3Server();
  server.failure = { status: 503, body: "<Code>SlowDown</Code>" };
  await expect(storeAt(server.url).write("1/a", megabytes(1), 1024 * 1024)).rejects.toMatchObject({
    code: "ARTIFACT_STORE_UNAVAILABLE",
    message: `the bucket files at ${server.url} can't be used: it answered 503 <Code>SlowDown</Code>`,
  });
  await expect(storeAt(server.url, { accessKeyId: "other" }).read("1/a")).rejects.toThrow(
    "it answered 403 AccessDenied",
  );
});

it("says that nothing answers there", async () => {
  await expect(storeAt(`http://127.0.0.1:${await findFreePort()}`).remove("1/a")).rejects.toMatchObject({
    code: "ARTIFACT_STORE_UNAVAILABLE",
    message: expect.stringContaining("ECONNREFUSED"),
  });
});
