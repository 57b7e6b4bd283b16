// In charge of a Strata whose clock stands still, with webhooks to receivers on this machine; each delivery is done step by step.
import type { From, Webhook, WebhookContent } from '../../src/webhooks/webhooks.ts';
import { createWebhook, getWebhook } from '../../src/webhooks/webhooks.ts';
import { customer, openStrataUnderTest, type StrataUnderTest } from '../membership/strata-under-test.ts';
import { startReceiver, type TestReceiver } from './receiver.ts';

export interface WebhookShop extends StrataUnderTest {
  readonly receiver: TestReceiver;
  /** Writes customers of China, and publishes: each is one change of segment `china`. */
  enter(...ids: string[]): Promise<void>;
  hook(content?: Partial<WebhookContent & { from: From; secret: string }>): Promise<Webhook & { readonly secret: string }>;
  /** Everything that is due now is attempted. → attempts */
  deliver(): Promise<number>;
  read(id: string): Promise<Webhook>;
}

export const TO_US = { webhookAllow: ['127.0.0.0/8'] };

export async function openWebhookShop(options: Parameters<typeof openStrataUnderTest>[0] = {}): Promise<WebhookShop> {
  const shop = await openStrataUnderTest({ ...TO_US, ...options });
  const receiver = await startReceiver();
  await shop.define('china', 'country = "CN"');
  const { webhooks, database } = shop.strata;
  return {
    ...shop,
    receiver,
    enter: async (...ids) => {
      for (const id of ids) await shop.write({ customers: [customer(id, { profile: { country: 'CN' } })] });
      await shop.publish();
    },
    hook: async (content = {}) => {
      const defaults = {
        description: null,
        types: ['segment.membership.changed'],
        segments: null,
        changeTypes: null,
        batchSize: 500,
      } as const;
      const made = await createWebhook(webhooks.record, { url: receiver.url, ...defaults, author: 'test', ...content });
      return { ...made.webhook, secret: made.secret };
    },
    deliver: () => webhooks.deliverDue(),
    read: (id) => getWebhook(database, id),
    drop: async () => {
      await receiver.close();
      await shop.drop();
    },
  };
}
