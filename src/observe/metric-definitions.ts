/** One family of time series. INVARIANT: labels hold names from configuration and code, never a path, a person or a run. */
export interface MetricDefinition {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, ascending, in the unit of the name. */
  readonly buckets?: readonly number[];
}

const FAST_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] as const;
const CALL_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** Every metric of Fairlead. A name that stands here is part of the product's interface; one that does not is not exported. */
export const METRICS: readonly MetricDefinition[] = [
  {
    name: 'fairlead_build_info',
    kind: 'gauge',
    help: 'Always 1; the labels name the running version.',
    labels: ['version', 'node'],
  },
  {
    name: 'fairlead_decisions_total',
    kind: 'counter',
    help: 'Decisions by target, verdict, mode and code.',
    labels: ['target', 'verdict', 'mode', 'code'],
  },
  {
    name: 'fairlead_refusals_total',
    kind: 'counter',
    help: 'Calls refused before or beside a decision: malformed, unauthenticated, too large, own faults.',
    labels: ['code'],
  },
  {
    name: 'fairlead_decision_duration_seconds',
    kind: 'histogram',
    help: 'Time to decide, without look-ups and without writing the record.',
    labels: [],
    buckets: FAST_SECONDS,
  },
  {
    name: 'fairlead_upstream_duration_seconds',
    kind: 'histogram',
    help: 'Time from forwarding a call to the head of the answer.',
    labels: ['target'],
    buckets: CALL_SECONDS,
  },
  { name: 'fairlead_open_calls', kind: 'gauge', help: 'Calls, streams and sockets under way.', labels: [] },
  { name: 'fairlead_held_sockets', kind: 'gauge', help: 'Sockets kept waiting for their target.', labels: [] },
  {
    name: 'fairlead_held_expired_tokens_total',
    kind: 'counter',
    help: 'Calls held because a workload showed its own, expired token.',
    labels: ['target'],
  },
  {
    name: 'fairlead_frames_total',
    kind: 'counter',
    help: 'Socket messages that were decided on, by target and verdict.',
    labels: ['target', 'verdict'],
  },
  { name: 'fairlead_policy_rules', kind: 'gauge', help: 'Rules of the active policy.', labels: [] },
  {
    name: 'fairlead_policy_generation',
    kind: 'gauge',
    help: 'Policies active since the start, the present one included.',
    labels: [],
  },
  { name: 'fairlead_health', kind: 'gauge', help: '1 for the state a component is in, else 0.', labels: ['component', 'state'] },
  {
    name: 'fairlead_decision_lines_lost_total',
    kind: 'counter',
    help: 'Lines of the decision stream not written; the record has them.',
    labels: ['reason'],
  },
  {
    name: 'fairlead_metrics_refused_total',
    kind: 'counter',
    help: 'Samples refused because of an unknown name, a wrong kind, or too many label values.',
    labels: ['reason'],
  },
];
