// In charge of where webhooks may be sent: public addresses, and the ranges that WEBHOOK_ALLOW names. Checked for the very address that a
// connection is made to (send.ts), whatever form or name it was given in. Not of connecting.
import net from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** `10.0.0.0/8`, or one address: the configuration has checked the form. */
export type AddressRange = string;

/** What is wrong with sending there; null: nothing. `scheme`: without TLS only to named ranges. */
export function refuseAddress(text: string, scheme: 'http:' | 'https:', allow: readonly AddressRange[]): string | null {
  if (net.isIP(text) === 0) return `${text} is not an address`;
  const address = ipaddr.process(text); // extracts IPv4 from IPv6
  if (allow.some((range) => isWithin(address, range))) return null;
  if (!isPublic(address)) return `${text} is not a public address, and WEBHOOK_ALLOW does not name it`;
  return scheme === 'https:' ? null : `${text} is public, and is sent to over https only`;
}

/** In IPv6 only 2000::/3 has been assigned; whatever embeds or tunnels another address has a range of its own and is not `unicast`. */
function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || ((address.parts[0] ?? 0) & 0xe000) === 0x2000;
}

function isWithin(address: Address, range: AddressRange): boolean {
  const [base = '', bits] = range.split('/');
  const start = ipaddr.parse(base);
  const isMapped = start instanceof ipaddr.IPv6 && start.isIPv4MappedAddress();
  const plain = isMapped ? start.toIPv4Address() : start;
  if (plain.kind() !== address.kind()) return false;
  const all = plain.kind() === 'ipv4' ? 32 : 128;
  const prefix = bits === undefined ? all : Number(bits) - (isMapped ? 96 : 0);
  return prefix >= 0 && (address as ipaddr.IPv4).match(plain as ipaddr.IPv4, prefix);
}

/** What is wrong with a URL before any name is looked up; null: nothing so far. */
export function refuseUrl(text: string, allow: readonly AddressRange[]): string | null {
  if (!URL.canParse(text)) return 'This is not a URL.';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'A URL of a webhook begins with https://.';
  if (url.username !== '' || url.password !== '') return 'A URL of a webhook holds no user and no password; deliveries are signed.';
  if (url.hash !== '') return 'A URL of a webhook has no fragment.';
  const host = hostOf(url);
  if (net.isIP(host) !== 0) {
    const refusal = refuseAddress(host, url.protocol, allow);
    return refusal === null ? null : `${refusal}.`;
  }
  if (url.protocol === 'http:' && allow.length === 0)
    return 'Without TLS only addresses that WEBHOOK_ALLOW names are sent to; use https://.';
  return null;
}

/** Without the brackets of IPv6. Decimal, octal and hexadecimal forms of IPv4 have already become the dotted one. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}
