// In charge of the named limits on who asks how often and how heavily, and their defaults. config.ts lets them be set.

export interface AccessLimits {
  /** for one key, also the admin key, unless the key has its own limit */
  readonly requestsPerSecond: number;
  /** for all tokens of one customer together, and for one stream token */
  readonly tokenRequestsPerSecond: number;
  /** for one address */
  readonly failedKeysPerMinute: number;
  /** reads of many customers at once: previews, impacts, as-of scans, exports */
  readonly heavyReads: number;
  /** for one key: open streams of the feed and subscriptions */
  readonly openStreams: number;
  /** for one key: reads of the feed that wait for a change */
  readonly waitingReads: number;
}

/** More than one process on two cores can answer: hitting a limit by default would be a surprise. */
export const ACCESS_LIMITS: AccessLimits = {
  requestsPerSecond: 20_000,
  tokenRequestsPerSecond: 20,
  failedKeysPerMinute: 600,
  heavyReads: 4,
  openStreams: 10_000,
  waitingReads: 1000,
};
