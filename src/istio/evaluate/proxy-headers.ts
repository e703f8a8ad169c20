import type { Chain } from '../chain.ts';
import type { RequestFacts } from '../facts.ts';
import type { HeaderMap } from './header-map.ts';
import { PROXY_TEXT, PROXY_UUID } from './token-text.ts';

/**
 * What the connection manager does to headers before the first filter: takes out what belongs to the connection or is only
 * believed from within, and writes its own (envoy source/common/http/conn_manager_utility.cc; the lists as running proxies
 * showed them).
 */
export function mutateHeaders(headers: HeaderMap, chain: Chain, facts: RequestFacts, scheme: string | undefined): void {
  const isGateway = chain.workload.kind === 'gateway';
  const isTls = facts.peer !== undefined || facts.sni !== undefined;
  headers.removeAll(isGateway ? EDGE_REMOVED : REMOVED);
  const te = headers.joined('te');
  if (te !== undefined && te !== '') {
    if (te.split(',').some((one) => one.trim() === 'trailers')) headers.set('te', 'trailers');
    else headers.remove('te');
  }
  // Sidecars append to it and gateways set it, in a form that names the proxy's own certificate; without mutual TLS it goes.
  if (facts.peer === undefined) headers.remove('x-forwarded-client-cert');
  else headers.set('x-forwarded-client-cert', PROXY_TEXT);
  if (isGateway) headers.set('x-envoy-external-address', PROXY_TEXT);
  if (isGateway || headers.joined('x-request-id') === undefined) headers.set('x-request-id', PROXY_UUID);
  const believesProto = !isGateway || (chain.workload.trustedHops ?? 0) > 0;
  if (!believesProto || headers.joined('x-forwarded-proto') === undefined) {
    headers.set('x-forwarded-proto', isTls ? 'https' : 'http');
  }
  headers.set(':scheme', scheme ?? schemeOf(headers.joined('x-forwarded-proto') ?? '', isTls));
}

function schemeOf(forwardedProto: string, isTls: boolean): string {
  const scheme = forwardedProto.toLowerCase();
  if (scheme === 'https' || scheme === 'http') return scheme;
  return isTls ? 'https' : 'http';
}

const HOP_BY_HOP: readonly string[] = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];

const INTERNAL: readonly string[] = [
  ...['x-envoy-expected-rq-timeout-ms', 'x-envoy-force-trace', 'x-envoy-hedge-on-per-try-timeout', 'x-envoy-internal'],
  ...['x-envoy-ip-tags', 'x-envoy-max-retries', 'x-envoy-original-url', 'x-envoy-retriable-header-names'],
  ...['x-envoy-retriable-status-codes', 'x-envoy-retry-grpc-on', 'x-envoy-retry-on', 'x-envoy-upstream-alt-stat-name'],
  ...['x-envoy-upstream-rq-per-try-timeout-ms', 'x-envoy-upstream-rq-timeout-alt-response', 'x-envoy-upstream-rq-timeout-ms'],
  'x-envoy-upstream-stream-duration-ms',
];

/** What an edge believes from nobody. */
const EDGE_INTERNAL: readonly string[] = [
  ...['x-envoy-decorator-operation', 'x-envoy-downstream-service-cluster', 'x-envoy-downstream-service-node'],
  'x-envoy-original-path',
];

const REMOVED: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...INTERNAL]);
const EDGE_REMOVED: ReadonlySet<string> = new Set([...REMOVED, ...EDGE_INTERNAL]);
