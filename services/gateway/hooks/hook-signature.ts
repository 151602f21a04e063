import { createHmac, timingSafeEqual } from "node:crypto";
import { AppError } from "#errors/app-error.ts";

/** What the headers of a signed request say, before anything of it is believed. */
export interface SignedHeaders {
  /** Seconds since 1970, as sent. */
  readonly timestamp: string;
  /** Empty: the sender gave none. */
  readonly deliveryId: string;
  /** HMAC-SHA256. */
  readonly signature: Buffer;
}

/** A request is taken for so long before and after the time that it names: none is replayed later. */
const windowMs = 300_000;

const signatureForm = /^sha256=([0-9a-f]{64})$/i;
const timestampForm = /^\d{1,12}$/;
const deliveryForm = /^[A-Za-z0-9_-]{1,100}$/;

/** Reads the headers of a request that came at `now`. Throws HOOK_SIGNATURE_INVALID, which names no secret and no reason to guess on. */
export function readSignedHeaders(header: (name: string) => string | null, now: number): SignedHeaders {
  const timestamp = header("x-millrace-timestamp") ?? "";
  const deliveryId = header("x-millrace-delivery") ?? "";
  const [, hex] = signatureForm.exec(header("x-millrace-signature") ?? "") ?? [];
  if (hex === undefined) throw unsigned("X-Millrace-Signature must be sha256= and 64 hex digits");
  if (!timestampForm.test(timestamp)) throw unsigned("X-Millrace-Timestamp must be seconds since 1970");
  if (Math.abs(now - Number(timestamp) * 1000) > windowMs) {
    throw unsigned(`X-Millrace-Timestamp is more than ${windowMs / 1000} s from this server's time`);
  }
  if (deliveryId !== "" && !deliveryForm.test(deliveryId)) {
    throw unsigned("X-Millrace-Delivery must be 1 to 100 letters, digits, hyphens or underscores");
  }
  return { timestamp, deliveryId, signature: Buffer.from(hex, "hex") };
}

/**
 * Checks the signature of `<timestamp>.<delivery id>.<body>`, in a time that does not depend on where it differs. Time
 * and delivery are part of it, so that neither can be exchanged. Throws HOOK_SIGNATURE_INVALID.
 */
export function verifySignature(headers: SignedHeaders, body: Uint8Array, secret: string): void {
  const { timestamp, deliveryId, signature } = headers;
  const expected = createHmac("sha256", secret).update(`${timestamp}.${deliveryId}.`).update(body).digest();
  if (!timingSafeEqual(expected, signature)) throw unsigned("X-Millrace-Signature does not fit the request");
}

function unsigned(problem: string): AppError {
  return new AppError("HOOK_SIGNATURE_INVALID", `${problem}; sign the request as docs/webhooks.md says`);
}
