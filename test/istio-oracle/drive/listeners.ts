import type { Case, Verdict } from '../case.ts';
import { CASE_HEADER } from './authoriser.ts';
import type { Certificates } from './certificates.ts';
import type { Json, Translation } from './translation.ts';

const TYPE = 'type.googleapis.com/';
const HTTP = `${TYPE}envoy.extensions.filters.http`;
const NETWORK = `${TYPE}envoy.extensions.filters.network`;
const LISTENER = `${TYPE}envoy.extensions.filters.listener`;

export type Fact = Exclude<keyof Verdict, 'v' | 's' | 'by' | 'id' | 'asked'> | 'details';

/** Headers of a reply that carry what Envoy knows about the request, and the key of a verdict that each fills. */
export const FACTS: readonly (readonly [header: string, key: Fact, format: string])[] = [
  ['x-oracle-details', 'details', '%RESPONSE_CODE_DETAILS%'],
  ['x-oracle-path', 'path', '%REQ(:PATH)%'],
  ['x-oracle-remote', 'remote', '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'],
  ['x-oracle-audit', 'audit', '%DYNAMIC_METADATA(envoy.common:access_log_hint)%'],
  ['x-oracle-ext', 'ext', rbacMetadata('istio_ext_authz_shadow_effective_policy_id')],
  ['x-oracle-dry-allow', 'dryAllow', rbacMetadata('istio_dry_run_allow_shadow_engine_result')],
  ['x-oracle-dry-allow-id', 'dryAllowId', rbacMetadata('istio_dry_run_allow_shadow_effective_policy_id')],
  ['x-oracle-dry-deny', 'dryDeny', rbacMetadata('istio_dry_run_deny_shadow_engine_result')],
  ['x-oracle-dry-deny-id', 'dryDenyId', rbacMetadata('istio_dry_run_deny_shadow_effective_policy_id')],
];

/** Two listeners for a set: `http-ID`, whose last stop answers 200, and `tcp-ID`, whose last stop sends back what it gets. */
export function listenersOf(set: Case, translation: Translation, certificates: Certificates): Json[] {
  const httpFilters = [
    ...(set.workload.kind === 'waypoint' ? [PEER_IN_FILTER_STATE] : []),
    ORACLE_METADATA,
    ...translation.http.map((filter) => withCaseHeader(filter, set.id)),
    { name: 'envoy.filters.http.router', typed_config: { '@type': `${HTTP}.router.v3.Router` } },
  ];
  const tcpFilters = [
    ...translation.tcp.map((filter) => withCaseHeader(filter, set.id)),
    { name: 'envoy.filters.network.echo', typed_config: { '@type': `${NETWORK}.echo.v3.Echo` } },
  ];
  return [
    listener(`http-${set.id}`, [connectionManager(set, httpFilters)], certificates, ['h2', 'http/1.1']),
    listener(`tcp-${set.id}`, tcpFilters, certificates, []),
  ];
}

function listener(name: string, filters: readonly Json[], certificates: Certificates, alpn: readonly string[]): Json {
  return {
    '@type': `${TYPE}envoy.config.listener.v3.Listener`,
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
    enable_reuse_port: false,
    listener_filters: [
      {
        name: 'envoy.filters.listener.proxy_protocol',
        typed_config: { '@type': `${LISTENER}.proxy_protocol.v3.ProxyProtocol` },
      },
      { name: 'envoy.filters.listener.tls_inspector', typed_config: { '@type': `${LISTENER}.tls_inspector.v3.TlsInspector` } },
    ],
    filter_chains: [
      { name: 'plain', filter_chain_match: { transport_protocol: 'raw_buffer' }, filters },
      {
        name: 'tls',
        filter_chain_match: { transport_protocol: 'tls' },
        filters,
        transport_socket: {
          name: 'envoy.transport_sockets.tls',
          typed_config: {
            '@type': `${TYPE}envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
            require_client_certificate: true,
            common_tls_context: {
              alpn_protocols: alpn,
              tls_certificates: [
                {
                  certificate_chain: { filename: certificates.server.certFile },
                  private_key: { filename: certificates.server.keyFile },
                },
              ],
              validation_context: { trusted_ca: { filename: certificates.authorityFile } },
            },
          },
        },
      },
    ],
  };
}

/** The settings of pilot/pkg/networking/core `buildHTTPConnectionManager` that change what a policy sees. */
function connectionManager(set: Case, httpFilters: readonly Json[]): Json {
  const normalization = set.mesh.pathNormalization?.normalization ?? 'DEFAULT';
  const merges = normalization === 'MERGE_SLASHES' || normalization === 'DECODE_AND_MERGE_SLASHES';
  const decodes = normalization === 'DECODE_AND_MERGE_SLASHES';
  const isGateway = set.workload.kind === 'gateway';
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${NETWORK}.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'oracle',
      codec_type: 'AUTO',
      stream_idle_timeout: '0s',
      use_remote_address: isGateway,
      ...(isGateway ? { xff_num_trusted_hops: set.xffNumTrustedHops ?? 0 } : {}),
      normalize_path: normalization !== 'NONE',
      merge_slashes: merges,
      path_with_escaped_slashes_action: decodes ? 'UNESCAPE_AND_FORWARD' : 'KEEP_UNCHANGED',
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      http_filters: httpFilters,
      route_config: {
        virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] }],
      },
      local_reply_config: { mappers: [{ filter: { not_health_check_filter: {} }, headers_to_add: FACTS.map(factHeader) }] },
    },
  };
}

function factHeader([key, , value]: (typeof FACTS)[number]): Json {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
}

function rbacMetadata(key: string): string {
  return `%DYNAMIC_METADATA(envoy.filters.http.rbac:${key})%`;
}

/** A waypoint knows its caller from the tunnel that carried the request; here the certificate stands for it. */
const PEER_IN_FILTER_STATE: Json = {
  name: 'envoy.filters.http.set_filter_state',
  typed_config: {
    '@type': `${HTTP}.set_filter_state.v3.Config`,
    on_request_headers: [
      {
        object_key: 'io.istio.peer_principal',
        factory_key: 'envoy.string',
        format_string: { text_format_source: { inline_string: '%DOWNSTREAM_PEER_URI_SAN%' }, omit_empty_values: true },
        skip_if_empty: true,
      },
    ],
  },
};

/** What `experimental.envoy.filters.http.oracle[...]` finds. */
const ORACLE_METADATA: Json = {
  name: 'envoy.filters.http.set_metadata',
  typed_config: {
    '@type': `${HTTP}.set_metadata.v3.Config`,
    metadata: [{ metadata_namespace: 'envoy.filters.http.oracle', value: { k: 'v', list: ['a', 'bb'], num: 3, n: { m: 'z' } } }],
  },
};

/** An external authorisation filter that also tells the authoriser which case asks; any other filter as it is. */
function withCaseHeader(filter: Json, id: string): Json {
  const config = filter['typed_config'];
  if (!isObject(config) || !String(config['@type']).endsWith('.ext_authz.v3.ExtAuthz')) return filter;
  const header = { key: CASE_HEADER, value: id };
  const service = config['http_service'];
  if (isObject(service)) {
    const request = isObject(service['authorization_request']) ? service['authorization_request'] : {};
    const added = Array.isArray(request['headers_to_add']) ? request['headers_to_add'] : [];
    const httpService = { ...service, authorization_request: { ...request, headers_to_add: [...added, header] } };
    return { ...filter, typed_config: { ...config, http_service: httpService } };
  }
  const grpc = config['grpc_service'];
  if (!isObject(grpc)) return filter;
  return { ...filter, typed_config: { ...config, grpc_service: { ...grpc, initial_metadata: [header] } } };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
