/** How long a connection to a database may take to stand, in milliseconds. */
export const connectTimeoutMs = 10_000;
