import { AppError } from "#errors/app-error.ts";

/** An object of a bucket. */
export interface BucketObject {
  readonly key: string;
  readonly etag: string;
  readonly size: number;
  /** As the server writes it. */
  readonly modifiedAt: string;
}

export interface BucketPage {
  readonly objects: readonly BucketObject[];
  /** Null: it is the last page. */
  readonly continuation: string | null;
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Reads an answer to ListObjectsV2 whose keys are URL-encoded. Throws INVALID_RESPONSE for anything else. */
export function parseBucketPage(xml: string): BucketPage {
  if (!/<ListBucketResult[\s>]/.test(xml)) {
    throw new AppError("INVALID_RESPONSE", "the server does not answer with a list of objects; is it an S3 endpoint?");
  }
  const objects = xml
    .split("<Contents>")
    .slice(1)
    .map((part): BucketObject => {
      const [entry = ""] = part.split("</Contents>", 1);
      return {
        key: decodeKey(textOf(entry, "Key")),
        etag: textOf(entry, "ETag").replaceAll('"', ""),
        size: Number(textOf(entry, "Size")),
        modifiedAt: textOf(entry, "LastModified"),
      };
    });
  const [head = ""] = xml.split("<Contents>", 1);
  const tail = xml.slice(xml.lastIndexOf("</Contents>"));
  const isCut = [head, tail].some((part) => textOf(part, "IsTruncated") === "true");
  const token = textOf(head, "NextContinuationToken") || textOf(tail, "NextContinuationToken");
  return { objects, continuation: isCut && token !== "" ? token : null };
}

/** What an error of the server says; the whole answer is not worth showing. */
export function errorOf(xml: string): string {
  const code = textOf(xml, "Code");
  return code === "" ? "" : `${code}: ${textOf(xml, "Message")}`;
}

function textOf(xml: string, name: string): string {
  const start = xml.indexOf(`<${name}>`);
  const end = xml.indexOf(`</${name}>`, start);
  if (start === -1 || end === -1) return "";
  return xml
    .slice(start + name.length + 2, end)
    .replaceAll(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,4}));/gi, (whole, decimal, hex, word: string | undefined) => {
      if (word !== undefined) return entities[word] ?? whole;
      return String.fromCodePoint(
        Math.min(decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal), 0x10ffff),
      );
    });
}

function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new AppError("INVALID_RESPONSE", "the server sends a key that is not URL-encoded");
  }
}
