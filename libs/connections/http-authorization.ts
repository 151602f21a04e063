import type { HttpAuth } from "./connection.ts";

/** The value of the Authorization header; null: none is wanted. */
export function authorizationOf(auth: HttpAuth | null): string | null {
  if (auth === null) return null;
  if (auth.type === "bearer") return `Bearer ${auth.token}`;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}`;
}
