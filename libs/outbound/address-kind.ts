import ipaddr from "ipaddr.js";

/** Addresses of cloud services that hand out keys, where they lie in ranges that are public otherwise. */
const metadataAddresses: ReadonlySet<string> = new Set(["168.63.129.16"]);
/** All of today's public IPv6 addresses; what lies outside is reserved or old. */
const publicIpv6 = ipaddr.IPv6.parseCIDR("2000::/3");

const words: Readonly<Record<string, string>> = {
  unspecified: "an unspecified address",
  broadcast: "a broadcast address",
  multicast: "a multicast address",
  linkLocal: "a link-local address",
  loopback: "a loopback address",
  carrierGradeNat: "an address of a private network",
  private: "an address of a private network",
  uniqueLocal: "an address of a private network",
  ipv4Mapped: "an IPv4 address in the form of an IPv6 one",
};

/** What keeps an address from being public, in words; null for a public one. Text that is no address is not public. */
export function whyNotPublic(address: string): string | null {
  if (!ipaddr.isValid(address)) return "no address";
  const parsed = ipaddr.parse(address);
  if (metadataAddresses.has(parsed.toString())) return "an address of cloud metadata";
  const range = parsed.range();
  if (range !== "unicast") return words[range] ?? "a reserved address";
  return parsed.kind() === "ipv6" && !parsed.match(publicIpv6) ? "a reserved address" : null;
}
