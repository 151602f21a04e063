import { AwsClient } from "aws4fetch";
import type { S3Sensor } from "#definition/schema/sensor-definition.ts";
import { AppError } from "#errors/app-error.ts";
import { sendOutside } from "#outbound/outbound-request.ts";
import { type Firing, type Look, type LookResult, quiet } from "../look.ts";
import { resolveText } from "../sensor-values.ts";
import { type BucketObject, type BucketPage, errorOf, parseBucketPage } from "./bucket-listing.ts";

const limits = { responseBytes: 8 * 1024 * 1024, headerBytes: 64 * 1024, connectMs: 10_000 };
const requestTimeoutMs = 20_000;

/** Objects below the prefix. */
const maxObjects = 100_000;

/** Lists a bucket: an event per object that is new or has another ETag. */
export async function pollBucket(sensor: S3Sensor, look: Look): Promise<LookResult> {
  const objects = await listObjects(sensor, look);
  const { state } = look;
  const there = new Map(objects.map(({ key, etag }) => [key, etag]));
  if (state === null) return { ...quiet, patch: { put: there, drop: [] } };
  const changed = objects.filter(({ key, etag }) => state.get(key) !== etag);
  const gone = [...state.keys()].filter((key) => !there.has(key));
  return {
    ...quiet,
    firings: changed.slice(0, sensor.batchSize).map((object) => firingOf(sensor, object, !state.has(object.key))),
    patch: gone.length === 0 ? null : { put: new Map(), drop: gone },
    hasMore: changed.length > sensor.batchSize,
  };
}

function firingOf({ bucket }: S3Sensor, { key, etag, size, modifiedAt }: BucketObject, isNew: boolean): Firing {
  const event = isNew ? "object_created" : "object_changed";
  const data = { event, bucket, key, etag, size, modified_at: modifiedAt };
  return { event: { subject: key, data }, patch: { put: new Map([[key, etag]]), drop: [] } };
}

async function listObjects(sensor: S3Sensor, look: Look): Promise<readonly BucketObject[]> {
  const sign = await openSigner(sensor, look);
  const objects: BucketObject[] = [];
  let continuation: string | null = null;
  do {
    const page: BucketPage = await readPage(sensor, look, { sign, continuation });
    objects.push(...page.objects);
    if (objects.length > maxObjects) {
      throw new AppError("SENSOR_FAILED", `${sensor.bucket} has more than ${maxObjects} objects there; give a prefix`);
    }
    continuation = page.continuation;
  } while (continuation !== null);
  return objects;
}

type Sign = (url: string) => Promise<Readonly<Record<string, string>>>;

/** The headers that say who asks; none without credentials. */
async function openSigner({ credentials, region }: S3Sensor, look: Look): Promise<Sign> {
  if (credentials === null) return () => Promise.resolve({});
  const accessKeyId = await resolveText(credentials.accessKeyId, look);
  const secretAccessKey = await resolveText(credentials.secretAccessKey, look);
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3" });
  return async (url) => {
    const { headers } = await client.sign(url, { method: "GET" });
    return Object.fromEntries(headers);
  };
}

async function readPage(
  { endpoint, bucket, prefix }: S3Sensor,
  { host, signal }: Look,
  { sign, continuation }: { readonly sign: Sign; readonly continuation: string | null },
): Promise<BucketPage> {
  const url = new URL(`${endpoint.replace(/\/+$/, "")}/${encodeURIComponent(bucket)}`);
  const query = {
    "list-type": "2",
    "encoding-type": "url",
    prefix,
    ...(continuation === null ? {} : { "continuation-token": continuation }),
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const request = {
    method: "GET",
    url: url.href,
    headers: { "user-agent": "millrace", ...(await sign(url.href)) },
    body: null,
  };
  const options = {
    policy: host.outbound,
    limits,
    timeoutMs: requestTimeoutMs,
    followRedirects: false,
    readBody: () => true,
    signal,
  };
  const { status, body } = await sendOutside(request, options);
  const text = body.toString("utf8");
  if (status === 200) return parseBucketPage(text);
  const reason = errorOf(text);
  throw new AppError(
    "SENSOR_FAILED",
    `${url.host} answers ${status} for ${bucket}${reason === "" ? "" : `: ${reason}`}`,
  );
}
