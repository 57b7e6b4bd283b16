// In charge of where a request comes from: the peer of its connection or, if that is a trusted proxy, the one it forwards for.
// Fastify does the same for its requests; this is for websockets, which never become one.
import type { IncomingMessage } from 'node:http';
import net from 'node:net';

export type TrustsProxy = (address: string) => boolean;

/** `ranges` like `10.0.0.0/8`, or single addresses, as the configuration has checked them. */
export function trustProxies(ranges: readonly string[]): TrustsProxy {
  const trusted = new net.BlockList();
  for (const range of ranges) {
    const [base = '', bits] = range.split('/');
    if (bits === undefined) trusted.addAddress(base, familyOf(base));
    else trusted.addSubnet(base, Number(bits), familyOf(base));
  }
  return (address) => net.isIP(address) !== 0 && trusted.check(address, familyOf(address)); // also for IPv4 within IPv6
}

/** Each trusted proxy is believed about where it got the request from; the first address that is not one is where it came from. */
export function peerAddressOf({ socket, headers }: IncomingMessage, trusts: TrustsProxy): string {
  let address = socket.remoteAddress ?? '';
  for (const hop of forwardedFor(headers['x-forwarded-for']).reverse()) {
    if (!trusts(address) || net.isIP(hop) === 0) break;
    address = hop;
  }
  return address;
}

function forwardedFor(header: string | string[] | undefined): string[] {
  return [header ?? []].flat().flatMap((list) => list.split(',').map((hop) => hop.trim()));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return net.isIPv6(address) ? 'ipv6' : 'ipv4';
}
