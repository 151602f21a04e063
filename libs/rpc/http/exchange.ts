/** An HTTP request, of either version, as handlers see it. */
export interface HttpRequest {
  /** For the log and the answer: the client's `x-request-id`, or a new one. */
  readonly id: string;
  readonly method: string;
  /** As sent: percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Null when absent; a repeated header is joined with commas. */
  readonly header: (name: string) => string | null;
  /** Aborted when the client has gone or the server stops. */
  readonly signal: AbortSignal;
  /** The whole body; throws `BODY_TOO_LARGE`, or `TIMEOUT` when it does not come. */
  readonly readBody: () => Promise<Uint8Array>;
}

/** An answer as a value. A streamed body is pulled no faster than the client reads. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | AsyncIterable<string | Uint8Array> | null;
}

/** Answers requests that are no RPC. An `AppError` that it throws becomes a problem document. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;
