import { join } from "node:path";
import type { TcpProxy } from "./tcp-proxy.ts";

/** Points the proxy to the server of a connection string; answers the same database through it. */
export function leadThrough(proxy: TcpProxy, connectionString: string): string {
  const url = new URL(connectionString);
  const folder = url.searchParams.get("host");
  const port = url.searchParams.get("port") ?? (url.port === "" ? "5432" : url.port);
  proxy.pointTo(
    folder === null || !folder.startsWith("/")
      ? { host: folder ?? url.hostname, port: Number(port) }
      : { path: join(folder, `.s.PGSQL.${port}`) },
  );
  url.searchParams.delete("host");
  url.searchParams.delete("port");
  url.hostname = "127.0.0.1";
  url.port = String(proxy.port);
  return url.href;
}
