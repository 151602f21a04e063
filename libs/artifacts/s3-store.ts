import { AwsClient } from "aws4fetch";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import { listBucket } from "./list-bucket.ts";
import { assertLocation, sized, toStoreError } from "./stored-content.ts";

export interface S3Options {
  /** Of the service, without the bucket, such as `https://s3.eu-central-1.amazonaws.com` or `http://minio:9000`. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  /** Stands before every key, so that several deployments share a bucket; may be empty. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The longest time for one object, 1 GiB at most, in milliseconds. */
const transferTimeoutMs = 60 * 60 * 1000;
/** The longest time for an answer without an object. */
const answerTimeoutMs = 30_000;
const shownLength = 300;

/** Artifacts as objects of a bucket, of any service that speaks S3's protocol; keys stand in the path. */
export function createS3Store(options: S3Options): ArtifactStore {
  const { endpoint, bucket, region, prefix, accessKeyId, secretAccessKey } = options;
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: "s3", retries: 0 });
  const bucketUrl = `${endpoint.replace(/\/$/, "")}/${bucket}`;
  const urlOf = (location: string): string => {
    assertLocation(location);
    return `${bucketUrl}/${prefix}${location}`;
  };
  const failed = (error: unknown) => toStoreError(error, `the bucket ${bucket} at ${endpoint} can't be used`);

  /** The body is not part of the signature, so that it goes out as it comes. */
  const call = async (
    method: string,
    url: string,
    more: { headers?: Record<string, string>; body?: ReadableStream; timeoutMs: number },
  ): Promise<Response> => {
    const { headers: given = {}, body, timeoutMs } = more;
    const { headers } = await client.sign(url, { method, headers: given });
    const sent = body === undefined ? {} : ({ body, duplex: "half" } as const);
    return fetch(url, { method, headers, ...sent, redirect: "error", signal: AbortSignal.timeout(timeoutMs) });
  };
  return {
    async write(location, content, size) {
      const url = urlOf(location);
      try {
        const body = ReadableStream.from(sized(content, size));
        const headers = { "content-length": String(size) };
        await expectOk(await call("PUT", url, { headers, body, timeoutMs: transferTimeoutMs }));
      } catch (error) {
        throw failed(causeOf(error));
      }
    },
    async read(location, range) {
      const url = urlOf(location);
      if (range !== undefined && range.end <= range.start) return noBytes();
      try {
        const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` };
        const response = await call("GET", url, { headers, timeoutMs: transferTimeoutMs });
        if (response.status === 404) return null;
        await expectOk(response);
        return response.body ?? noBytes();
      } catch (error) {
        throw failed(causeOf(error));
      }
    },
    async remove(location) {
      const url = urlOf(location);
      try {
        const response = await call("DELETE", url, { timeoutMs: answerTimeoutMs });
        if (response.status !== 404) await expectOk(response);
      } catch (error) {
        throw failed(causeOf(error));
      }
    },
    async *list(after = "") {
      try {
        yield* listBucket({ prefix, after }, async (query) => {
          const response = await call("GET", `${bucketUrl}?${query.toString()}`, { timeoutMs: answerTimeoutMs });
          await expectOk(response);
          return response.text();
        });
      } catch (error) {
        throw failed(causeOf(error));
      }
    },
  };
}

async function expectOk(response: Response): Promise<void> {
  if (response.ok) return;
  const text = await response.text();
  throw new Error(`it answered ${response.status} ${text.slice(0, shownLength).replaceAll(/\s+/g, " ")}`);
}

/** What `fetch` says is only that it failed; its cause says why, also what the content threw. */
function causeOf(error: unknown): unknown {
  return error instanceof TypeError && error.cause !== undefined ? error.cause : error;
}

async function* noBytes(): AsyncGenerator<Uint8Array> {
  // There is nothing to give.
}
