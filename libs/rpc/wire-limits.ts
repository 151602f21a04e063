/** Largest message or body that a server reads, in bytes, unless it is told otherwise. */
export const maxMessageBytes = 4 * 1024 * 1024;

/** Deepest nesting of JSON that is read. */
export const maxJsonDepth = 100;

/** Longer ids of requests are refused. */
export const maxRequestIdLength = 200;

/** A nested JSON object is three messages in binary form (Struct, its entry, Value). */
export const binaryOptions = { recursionLimit: 3 * maxJsonDepth + 50 };

/** How long a unary call to another service may take, in milliseconds, unless the caller says otherwise. */
export const unaryTimeoutMs = 30_000;

/** How long a client may take to send its headers or body, or to take what was written to it, in milliseconds. */
export const clientStallMs = 30_000;
