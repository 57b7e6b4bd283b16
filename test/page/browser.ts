// A browser with the page of a service of its own: Debian's Chromium through playwright-core. Without Chromium the tests that need it are
// skipped by name (`.ci/run` installs it).
import fs from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { ADMIN_KEY, type Service, startService } from '../api/service.ts';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** undefined: there is none here */
export const CHROMIUM = [process.env['CHROMIUM'], ...PLACES].find((place) => place !== undefined && fs.existsSync(place));

/** For each thing that is awaited; less than a test may take, so that what is missing is named. */
const PATIENCE_MS = 45_000;

export interface OpenOptions extends BrowserContextOptions {
  readonly isSignedOut?: boolean;
}

export interface Browsing {
  readonly service: Service;
  readonly url: string;
  /** A page of its own, signed in with the admin's key. */
  open(place?: string, options?: OpenOptions): Promise<Page>;
  /** what pages threw or logged as an error, such as a breach of the Content-Security-Policy; refused calls are none */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

export async function startBrowsing(options: Parameters<typeof startService>[0] = {}): Promise<Browsing> {
  const service = await startService(options);
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 });
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] });
  const faults: string[] = [];
  return {
    service,
    url,
    faults,
    open: async (place = '', { isSignedOut = false, ...options } = {}) => {
      const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 }, ...options });
      if (!isSignedOut) await context.addInitScript((key) => sessionStorage.setItem('strata.key', key), ADMIN_KEY);
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(message.text());
      });
      await page.goto(`${url}/#/${place}`);
      return page;
    },
    close: async () => {
      await browser.close();
      await service.close();
    },
  };
}
