import { realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readText } from "../read-text.ts";

/** The host's settings of its resolver. */
const resolverFile = "/etc/resolv.conf";
/** slirp4netns passes on to the host's own server what comes to this address of its network. */
const relayAddress = "10.0.2.3";

/**
 * The settings of a resolver for a network of its own: where the host's server listens on the host's loopback, which is
 * not in that network, the relay stands in its place. Null: they are as good there. Pure.
 */
export function computeOutboundResolver(text: string): string | null {
  const lines = text.split("\n");
  const servers = lines.flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  // Without any the library asks the loopback.
  if (!servers.every((address) => address.startsWith("127.") || address === "::1")) return null;
  const others = lines.filter((line) => !/^\s*nameserver\b/.test(line) && line.trim() !== "");
  return [`nameserver ${relayAddress}`, ...others, ""].join("\n");
}

/** The server of names that a network of its own needs in place of the host's; null: those are as good there. */
export function outboundNameServer(): string | null {
  return computeOutboundResolver(readText(resolverFile) ?? "") === null ? null : relayAddress;
}

/** Bubblewrap's options for them, after all other mounts; the file lies in the attempt's folder, which it does not see when confined. */
export function outboundResolverMount(base: string, filesystem: "open" | "confined"): readonly string[] {
  const text = computeOutboundResolver(readText(resolverFile) ?? "");
  const target = filesystem === "confined" ? resolverFile : realResolverFile();
  if (text === null || target === null) return [];
  const path = join(base, "resolv.conf");
  writeFileSync(path, text, { mode: 0o644 });
  return ["--ro-bind", path, target];
}

/** A link can't be mounted over, what it leads to can. Null: there is none. */
function realResolverFile(): string | null {
  try {
    return realpathSync(resolverFile);
  } catch {
    return null;
  }
}
