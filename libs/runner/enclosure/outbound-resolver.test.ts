import { describe, expect, test } from "vitest";
import { computeOutboundResolver } from "./outbound-resolver.ts";

describe("the resolver of a network of its own", () => {
  test.each([
    ["nameserver 127.0.0.53\noptions edns0\nsearch lan\n", "nameserver 10.0.2.3\noptions edns0\nsearch lan\n"],
    ["nameserver ::1\nnameserver 127.0.0.1\n", "nameserver 10.0.2.3\n"],
    ["", "nameserver 10.0.2.3\n"],
  ])("is the relay where the host's listens on the loopback (%j)", (text, expected) => {
    expect(computeOutboundResolver(text)).toBe(expected);
  });

  test.each(["nameserver 10.1.1.1\n", "nameserver 127.0.0.53\n nameserver 9.9.9.9\n"])(
    "is the host's where that has another server (%j)",
    (text) => {
      expect(computeOutboundResolver(text)).toBeNull();
    },
  );
});
