import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, test } from "vitest";
import { whyNotPublic } from "./address-kind.ts";
import { createOutboundPolicy, type ResolvedAddress } from "./outbound-policy.ts";

const never = new AbortController().signal;

/** What a policy says of an address, with a resolver that knows the given names. */
async function judge(
  url: string,
  options: { allow?: readonly string[]; names?: Readonly<Record<string, readonly string[]>> } = {},
): Promise<string> {
  const policy = createOutboundPolicy({
    allow: options.allow ?? [],
    resolve: async (host) => (options.names?.[host] ?? []).map(toResolved),
  });
  return policy.admit(new URL(url), never).then(
    (addresses) => addresses.map(({ address }) => address).join(" "),
    (error: unknown) => (error as { code?: string }).code ?? "",
  );
}

function toResolved(address: string): ResolvedAddress {
  return { address, family: address.includes(":") ? 6 : 4 };
}

describe("whyNotPublic", () => {
  test.each([
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["0.0.0.0", "unspecified"],
    ["10.1.2.3", "private"],
    ["172.31.0.1", "private"],
    ["192.168.0.1", "private"],
    ["100.100.100.200", "private"],
    ["169.254.169.254", "link-local"],
    ["168.63.129.16", "metadata"],
    ["192.0.0.192", "reserved"],
    ["224.0.0.1", "multicast"],
    ["255.255.255.255", "broadcast"],
    ["240.0.0.1", "reserved"],
    ["::1", "loopback"],
    ["::", "unspecified"],
    ["::7f00:1", "reserved"],
    ["::ffff:127.0.0.1", "IPv4"],
    ["::ffff:8.8.8.8", "IPv4"],
    ["64:ff9b::7f00:1", "reserved"],
    ["2002:7f00:1::", "reserved"],
    ["2001:0:7f00:1::", "reserved"],
    ["fe80::1", "link-local"],
    ["fe80::1%lo", "link-local"],
    ["fd00:ec2::254", "private"],
    ["fec0::1", "reserved"],
    ["ff02::1", "multicast"],
    ["2001:db8::1", "reserved"],
    ["not an address", "no address"],
  ])("%s is %s", (address, word) => {
    expect(whyNotPublic(address)).toContain(word);
  });

  test.each(["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e"])("%s is public", (address) => {
    expect(whyNotPublic(address)).toBeNull();
  });

  test("no address of a network that is not public counts as public, however it is written", () => {
    const networks = [
      "127.0.0.0/8",
      "10.0.0.0/8",
      "172.16.0.0/12",
      "192.168.0.0/16",
      "169.254.0.0/16",
      "100.64.0.0/10",
    ];
    const insides = fc.constantFrom(...networks).chain((network) => {
      const [base, prefix] = ipaddr.IPv4.parseCIDR(network);
      const offset = fc.integer({ min: 0, max: 2 ** (32 - prefix) - 1 });
      return offset.map((by) => Buffer.from(base.octets).readUInt32BE() + by);
    });
    fc.assert(
      fc.property(insides, (number) => {
        const octets = [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255];
        const forms = [
          octets.join("."),
          String(number),
          `0x${number.toString(16)}`,
          `0${number.toString(8)}`,
          octets.map((octet) => `0x${octet.toString(16)}`).join("."),
          octets.map((octet) => `0${octet.toString(8)}`).join("."),
          `${octets[0]}.${number & 0xff_ffff}`,
          `[::ffff:${octets.join(".")}]`,
        ];
        for (const form of forms) {
          const { hostname } = new URL(`http://${form}/`);
          expect(whyNotPublic(hostname.replace(/^\[|\]$/g, ""))).not.toBeNull();
        }
      }),
    );
  });
});

describe("createOutboundPolicy", () => {
  test("admits public addresses and answers what to connect to", async () => {
    expect(await judge("https://8.8.8.8/")).toBe("8.8.8.8");
    expect(await judge("https://dns.example/", { names: { "dns.example": ["8.8.8.8", "2606:4700::1111"] } })).toBe(
      "8.8.8.8 2606:4700::1111",
    );
  });

  test.each([
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://0x7f000001/",
    "http://127.1/",
    "http://0/",
    "http://①②⑦.0.0.1/",
    "http://127.0.0.1./",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[0:0:0:0:0:ffff:7f00:1]/",
    "http://8.8.8.8@127.0.0.1/",
    "http://user:word@8.8.8.8/",
    "http://127.0.0.1#@8.8.8.8/",
    "http://127.0.0.1\\@8.8.8.8/",
    "http://169.254.169.254/latest/meta-data/",
    "ftp://8.8.8.8/",
    "file:///etc/passwd",
    "gopher://8.8.8.8/",
  ])("refuses %s", async (url) => {
    expect(await judge(url)).toBe("OUTBOUND_REFUSED");
  });

  test("refuses a name if one of its addresses is refused", async () => {
    const names = { "mixed.example": ["8.8.8.8", "10.0.0.1"] };
    expect(await judge("http://mixed.example/", { names })).toBe("OUTBOUND_REFUSED");
    expect(await judge("http://mixed.example/", { names, allow: ["10.0.0.0/8"] })).toBe("8.8.8.8 10.0.0.1");
  });

  test("a name without an address is unreachable", async () => {
    expect(await judge("http://nowhere.example/")).toBe("OUTBOUND_UNREACHABLE");
  });

  test("an allowed host may have any address; an allowed network is reached by any name, at its port alone", async () => {
    const names = { "api.corp.example": ["10.0.0.1"] };
    expect(await judge("http://api.corp.example/", { names, allow: ["*.corp.example"] })).toBe("10.0.0.1");
    expect(await judge("http://api.corp.example/", { names, allow: ["10.0.0.1:80"] })).toBe("10.0.0.1");
    expect(await judge("http://api.corp.example:81/", { names, allow: ["10.0.0.1:80"] })).toBe("OUTBOUND_REFUSED");
    expect(await judge("https://127.0.0.1/", { allow: ["127.0.0.1:443"] })).toBe("127.0.0.1");
  });

  test("an allow list lifts neither the schemes nor the refusal of names and passwords", async () => {
    expect(await judge("ftp://127.0.0.1/", { allow: ["127.0.0.1"] })).toBe("OUTBOUND_REFUSED");
    expect(await judge("http://me@127.0.0.1/", { allow: ["127.0.0.1"] })).toBe("OUTBOUND_REFUSED");
  });

  test("waits for a resolver no longer than it is wanted", async () => {
    const policy = createOutboundPolicy({ allow: [], resolve: () => new Promise(() => {}) });
    const controller = new AbortController();
    const answer = policy.admit(new URL("http://slow.example/"), controller.signal);
    controller.abort(new Error("enough"));
    await expect(answer).rejects.toThrow("enough");
  });
});
