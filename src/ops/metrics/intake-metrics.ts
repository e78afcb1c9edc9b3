import { hear } from '../../base/happenings.ts';
import { OTHER } from './instruments.ts';
import { createProcessMetrics, type Dependencies, type Metrics } from './process-metrics.ts';

interface IntakeMetricsDeps {
  readonly dependencies: Dependencies;
}

const OPERATIONS = [
  'push_sales',
  'push_sales_batch',
  'fetch_inventory',
  'job',
  'sale',
  'pending',
  'openapi',
  OTHER,
];
const CODES = [
  '200',
  '202',
  '400',
  '401',
  '403',
  '404',
  '405',
  '408',
  '413',
  '415',
  '422',
  '429',
  '500',
  '503',
];
const BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Counts what this intake answers from now on. */
export function createIntakeMetrics({ dependencies }: IntakeMetricsDeps): Metrics {
  const { instruments, text, stop } = createProcessMetrics(dependencies);
  const { counter, histogram } = instruments;
  const requests = counter({
    name: 'conexxus_sync_intake_requests_total',
    help: 'Requests, by what was asked and the status of the answer.',
    labels: { operation: OPERATIONS, code: CODES },
  });
  const durations = histogram({
    name: 'conexxus_sync_intake_request_duration_seconds',
    help: 'How long requests took, from their first line to the answer.',
    labels: { operation: OPERATIONS },
    buckets: BUCKETS_S,
  });
  const jobs = counter({
    name: 'conexxus_sync_intake_jobs_total',
    help: 'Payloads: written, known already, or refused lines of a batch.',
    labels: { status: ['accepted', 'known', 'refused'] },
  });
  const ends = [
    hear('request-answered', ({ operation, status, durationMs }) => {
      requests({ operation, code: String(status) });
      durations({ operation }, durationMs / 1_000);
    }),
    hear('jobs-posted', ({ accepted, known, refused }) => {
      jobs({ status: 'accepted' }, accepted);
      jobs({ status: 'known' }, known);
      jobs({ status: 'refused' }, refused);
    }),
  ];
  return {
    text,
    stop() {
      for (const end of ends) end();
      stop();
    },
  };
}
