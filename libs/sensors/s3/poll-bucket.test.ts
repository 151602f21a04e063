import { expect, test } from "vitest";
import type { S3Sensor } from "#definition/schema/sensor-definition.ts";
import { basis, serve, TestSensor } from "../look-harness.testsuite.ts";

interface StoredObject {
  readonly key: string;
  etag: string;
}

/** A server that lists like S3, two objects a page, for those who sign with the key `AKID`. */
async function openBucket(objects: StoredObject[]) {
  const requests: URL[] = [];
  const endpoint = await serve((request, response) => {
    const url = new URL(request.url ?? "", "http://x");
    requests.push(url);
    const { authorization = "" } = request.headers;
    if (
      !/^AWS4-HMAC-SHA256 Credential=AKID\/.*\/eu-north-1\/s3\/aws4_request.*Signature=[0-9a-f]{64}$/.test(
        authorization,
      )
    ) {
      response.writeHead(403).end("<Error><Code>AccessDenied</Code><Message>No &amp; never</Message></Error>");
      return;
    }
    const from = Number(url.searchParams.get("continuation-token") ?? 0);
    const found = objects.filter(({ key }) => key.startsWith(url.searchParams.get("prefix") ?? ""));
    const page = found.slice(from, from + 2);
    const isCut = from + 2 < found.length;
    const contents = page.map(
      ({ key, etag }) =>
        `<Contents><Key>${encodeURIComponent(key)}</Key><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>5</Size></Contents>`,
    );
    const next = isCut ? `<NextContinuationToken>${from + 2}</NextContinuationToken>` : "";
    response.end(
      `<?xml version="1.0"?><ListBucketResult xmlns="x"><IsTruncated>${String(isCut)}</IsTruncated>${contents.join("")}${next}</ListBucketResult>`,
    );
  });
  return { endpoint, requests };
}

function bucketSensor(endpoint: string, changes: Partial<S3Sensor> = {}): S3Sensor {
  const accessKeyId = [{ from: "secrets", name: "id" }] as const;
  const secretAccessKey = [{ from: "secrets", name: "key" }] as const;
  const credentials = { accessKeyId, secretAccessKey };
  return { ...basis, type: "s3", bucket: "b", prefix: "in/", endpoint, region: "eu-north-1", credentials, ...changes };
}

const environment = { MILLRACE_SECRET_ID: "AKID", MILLRACE_SECRET_KEY: "secret key" };

test("it fires per object that is new or has another ETag, over all pages", async () => {
  const objects: StoredObject[] = ["in/a", "in/b", "in/c", "in/d", "out/x"].map((key) => ({ key, etag: "1" }));
  const { endpoint, requests } = await openBucket(objects);
  const sensor = new TestSensor(bucketSensor(endpoint), { environment });
  expect(await sensor.fired()).toEqual([]);
  expect(requests.map(({ pathname, searchParams }) => [pathname, searchParams.get("continuation-token")])).toEqual([
    ["/b", null],
    ["/b", "2"],
  ]);
  expect(await sensor.fired()).toEqual([]);
  Object.assign(objects[3] ?? {}, { etag: "2" });
  objects.push({ key: "in/ü & <x> +%20", etag: "9" });
  expect(await sensor.fired()).toEqual([
    { event: "object_changed", bucket: "b", key: "in/d", etag: "2", size: 5, modified_at: "2026-01-01T00:00:00Z" },
    {
      event: "object_created",
      bucket: "b",
      key: "in/ü & <x> +%20",
      etag: "9",
      size: 5,
      modified_at: "2026-01-01T00:00:00Z",
    },
  ]);
  expect(await sensor.fired()).toEqual([]);
});

test("an object that goes and comes again is new; more than one look may take wait", async () => {
  const objects: StoredObject[] = [{ key: "in/a", etag: "1" }];
  const { endpoint } = await openBucket(objects);
  const sensor = new TestSensor(bucketSensor(endpoint, { batchSize: 2 }), { environment });
  await sensor.poll();
  objects.pop();
  expect(await sensor.fired()).toEqual([]);
  expect(sensor.state?.size).toBe(0);
  for (const key of ["in/a", "in/b", "in/c"]) objects.push({ key, etag: "1" });
  const first = await sensor.poll();
  expect([first.firings.length, first.hasMore]).toEqual([2, true]);
  expect(await sensor.fired()).toMatchObject([{ key: "in/c" }]);
});

test("what the server refuses, and what is no bucket, are told", async () => {
  const { endpoint } = await openBucket([]);
  const unsigned = new TestSensor(bucketSensor(endpoint, { credentials: null }));
  await expect(unsigned.poll()).rejects.toThrow(/answers 403 for b: AccessDenied: No & never$/);
  const page = await serve((_request, response) => void response.end("<html>hello</html>"));
  await expect(new TestSensor(bucketSensor(page), { environment }).poll()).rejects.toThrow("is it an S3 endpoint?");
  await expect(new TestSensor(bucketSensor(endpoint)).poll()).rejects.toThrow("there is no secret");
});
