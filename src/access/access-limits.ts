// In charge of the named limits on who asks how often and how heavily, and their defaults. config.ts lets them be set.

export interface AccessLimits {
  /** of one key, the admin key too, unless the key has its own */
  readonly requestsPerSecond: number;
  /** of all tokens of one customer, and of one stream token */
  readonly tokenRequestsPerSecond: number;
  /** of one address */
  readonly failedKeysPerMinute: number;
  /** reads of many customers at once: previews, impacts, as-of scans, exports */
  readonly heavyReads: number;
  /** of one key: streams of the feed and subscriptions that are open */
  readonly openStreams: number;
  /** of one key: reads of the feed that wait for a change */
  readonly waitingReads: number;
}

/** More than one process on two cores can answer: a limit that is met by default would be a surprise. */
export const ACCESS_LIMITS: AccessLimits = {
  requestsPerSecond: 20_000,
  tokenRequestsPerSecond: 20,
  failedKeysPerMinute: 600,
  heavyReads: 4,
  openStreams: 10_000,
  waitingReads: 1000,
};
