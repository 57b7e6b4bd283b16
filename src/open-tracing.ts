// In charge of sending spans to a collector (OTLP over HTTP, as JSON) if one is configured: which are kept, what they say about the service, and
// what becomes of them at the end. Loads OpenTelemetry only then. Not of which spans there are (base/tracing.ts and its callers).
import type { Attributes, DiagLogFunction } from '@opentelemetry/api';
import type { Sampler } from '@opentelemetry/sdk-trace';
import packageJson from '../package.json' with { type: 'json' };
import { unreachable } from './base/assert.ts';
import { systemClock } from './base/clock.ts';
import { useTracing } from './base/tracing.ts';
import type { Config } from './config.ts';

const TRACES_PATH = 'v1/traces';
/** A collector that does not answer must not hold up the end of the process. */
const LAST_PATIENCE_MS = 3000;

export interface OpenTracing {
  /** Sends what has not been sent yet, and reports nothing from then on. */
  close(): Promise<void>;
}

/** null: it is not configured. `onTrouble` is called when spans could not be sent; they are lost then. */
export async function openTracing(config: Config, onTrouble: (message: string) => void): Promise<OpenTracing | null> {
  const url = urlOf(config);
  if (url === null) return null;
  const [api, sdk, { OTLPTraceExporter }, { AsyncLocalStorageContextManager }, { resourceFromAttributes }, { W3CTraceContextPropagator }] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/context-async-hooks'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/core'),
    ]);
  const ignore: DiagLogFunction = () => {};
  const tell: DiagLogFunction = (message) => onTrouble(message);
  api.diag.setLogger({ error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore }, api.DiagLogLevel.WARN);
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  api.propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const exporter = new OTLPTraceExporter({ url, headers: { ...config.OTEL_EXPORTER_OTLP_HEADERS } });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes(describeService(config)),
    sampler: samplerOf(sdk, config),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter })],
  });
  useTracing({ api, tracer: provider.getTracer('strata', packageJson.version) });
  return {
    close: async () => {
      useTracing(undefined);
      const sent = new AbortController();
      const sending = provider.shutdown().catch((error) => onTrouble(error instanceof Error ? error.message : String(error)));
      const waiting = systemClock
        .sleep(LAST_PATIENCE_MS, sent.signal)
        .then(() => sent.signal.aborted || onTrouble('the collector did not answer in time'));
      await Promise.race([sending, waiting]);
      sent.abort();
      api.context.disable();
      api.propagation.disable();
      api.diag.disable();
    },
  };
}

/** As the specification says: the address for traces as it is, the one for all signals with the path of traces appended. */
function urlOf({ OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER, ...config }: Config): string | null {
  if (OTEL_SDK_DISABLED || OTEL_TRACES_EXPORTER === 'none') return null;
  if (config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT !== undefined) return config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  const base = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  return base === undefined ? null : new URL(TRACES_PATH, base.endsWith('/') ? base : `${base}/`).href;
}

function describeService(config: Config): Attributes {
  return {
    'service.name': config.OTEL_SERVICE_NAME,
    'service.version': packageJson.version,
    ...config.OTEL_RESOURCE_ATTRIBUTES,
  };
}

function samplerOf(sdk: typeof import('@opentelemetry/sdk-trace'), config: Config): Sampler {
  const { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: share } = config;
  const byParent = (root: Sampler) => new sdk.ParentBasedSampler({ root });
  switch (name) {
    case 'always_on':
      return new sdk.AlwaysOnSampler();
    case 'always_off':
      return new sdk.AlwaysOffSampler();
    case 'traceidratio':
      return new sdk.TraceIdRatioBasedSampler(share);
    case 'parentbased_always_on':
      return byParent(new sdk.AlwaysOnSampler());
    case 'parentbased_always_off':
      return byParent(new sdk.AlwaysOffSampler());
    case 'parentbased_traceidratio':
      return byParent(new sdk.TraceIdRatioBasedSampler(share));
    default:
      return unreachable(name);
  }
}
