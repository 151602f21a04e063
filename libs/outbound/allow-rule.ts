import ipaddr from "ipaddr.js";
import { AppError } from "#errors/app-error.ts";

/** One entry of the allow list. A port of null means every port. */
export type AllowRule =
  /** Every address of a network, whatever name led to it. */
  | { readonly kind: "network"; readonly address: Address; readonly prefix: number; readonly port: number | null }
  /** One host, or with `isSuffix` every host below a domain; its addresses are not looked at. */
  | { readonly kind: "host"; readonly host: string; readonly isSuffix: boolean; readonly port: number | null };

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** The forms that an entry may have, for messages. */
const allowRuleForms = "a network such as 10.0.0.0/8, host:port, a host, or *.example.com";

const maxPort = 65_535;
const entryPattern =
  /^(?:\[([^\]]+)\]|([^:/]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*))(?:\/(\d{1,3}))?(?::(\d{1,5}))?$/;
const hostPattern = /^(\*\.)?([a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/;

/** Reads one entry: `127.0.0.1/32`, `10.1.2.3:8080`, `[::1]:8080`, `fd00::/8`, `host:port`, `*.corp.example`. Throws INVALID_CONFIG. */
export function parseAllowRule(entry: string): AllowRule {
  const [, bracketed, plain = "", prefixText, portText] = entryPattern.exec(entry.trim()) ?? [];
  const port = portText === undefined ? null : Number(portText);
  if (port !== null && (port === 0 || port > maxPort)) throw refusal(entry);
  const name = bracketed ?? plain;
  if (ipaddr.IPv4.isValidFourPartDecimal(name) || ipaddr.IPv6.isValid(name)) {
    const address = ipaddr.parse(name);
    const bits = address.kind() === "ipv4" ? 32 : 128;
    const prefix = prefixText === undefined ? bits : Number(prefixText);
    if (prefix > bits) throw refusal(entry);
    return { kind: "network", address, prefix, port };
  }
  const host = name.toLowerCase();
  // Digits alone would be read as an address by resolvers.
  if (bracketed !== undefined || prefixText !== undefined || !hostPattern.test(host) || /(^|\.)\d+$/.test(host)) {
    throw refusal(entry);
  }
  const isSuffix = host.startsWith("*.");
  return { kind: "host", host: isSuffix ? host.slice(1) : host, isSuffix, port };
}

/** Whether a rule speaks of a host by its name. */
export function allowsHost(rule: AllowRule, host: string, port: number): boolean {
  if (rule.kind !== "host" || !fitsPort(rule, port)) return false;
  const bare = host.toLowerCase().replace(/\.$/, "");
  return rule.isSuffix ? bare.endsWith(rule.host) && bare.length > rule.host.length : bare === rule.host;
}

/** Whether a rule speaks of an address. An IPv4 address in the form of an IPv6 one is never allowed by its IPv4 network. */
export function allowsAddress(rule: AllowRule, address: string, port: number): boolean {
  if (rule.kind !== "network" || !fitsPort(rule, port) || !ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  return parsed.kind() === rule.address.kind() && parsed.match(rule.address, rule.prefix);
}

function fitsPort(rule: AllowRule, port: number): boolean {
  return rule.port === null || rule.port === port;
}

function refusal(entry: string): AppError {
  return new AppError("INVALID_CONFIG", `outbound.allow: "${entry}" is not ${allowRuleForms}`, { details: { entry } });
}
