import type { StoredFile } from "#ports/artifact-store.ts";
import { isLocation } from "./stored-content.ts";

interface BucketPage {
  readonly files: readonly StoredFile[];
  /** Null: it is the last page. */
  readonly continuation: string | null;
}

/** What is below the prefix and comes after a location, if one is given, page by page. `ask` answers a query of the bucket. */
export async function* listBucket(
  { prefix, after }: { readonly prefix: string; readonly after: string },
  ask: (query: URLSearchParams) => Promise<string>,
): AsyncGenerator<StoredFile> {
  let continuation: string | null = "";
  while (continuation !== null) {
    const query = new URLSearchParams({ "list-type": "2", "encoding-type": "url", prefix });
    if (after !== "") query.set("start-after", `${prefix}${after}`);
    if (continuation !== "") query.set("continuation-token", continuation);
    const page = parseBucketPage(await ask(query), prefix);
    yield* page.files;
    ({ continuation } = page);
  }
}

/** Reads an answer to ListObjectsV2 with URL-encoded keys. Objects that can't be Millrace's are left out. */
function parseBucketPage(xml: string, prefix: string): BucketPage {
  if (!/<ListBucketResult[\s>]/.test(xml)) throw new Error("it does not answer with a list of objects");
  const objects = xml.split("<Contents>").slice(1);
  const files = objects.flatMap((object): readonly StoredFile[] => {
    const key = decodeKey(textOf(object, "Key"));
    const location = key.slice(prefix.length);
    const modifiedAt = Date.parse(textOf(object, "LastModified"));
    return key.startsWith(prefix) && isLocation(location) && Number.isFinite(modifiedAt)
      ? [{ location, modifiedAt }]
      : [];
  });
  const continuation = textOf(xml, "NextContinuationToken").replaceAll("&amp;", "&");
  return { files, continuation: textOf(xml, "IsTruncated") === "true" && continuation !== "" ? continuation : null };
}

/** Empty where it is not encoded, as by a service that knows no `encoding-type`: ours need none. */
function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return "";
  }
}

/** Of the first element of that name. */
function textOf(xml: string, name: string): string {
  const start = xml.indexOf(`<${name}>`);
  const end = xml.indexOf(`</${name}>`, start);
  return start === -1 || end === -1 ? "" : xml.slice(start + name.length + 2, end);
}
