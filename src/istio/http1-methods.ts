/** The methods that Envoy's HTTP/1 parser knows. */
export const ENVOY_METHODS: ReadonlySet<string> = new Set([
  ...['ACL', 'BIND', 'CHECKOUT', 'CONNECT', 'COPY', 'DELETE', 'GET', 'HEAD', 'LINK', 'LOCK', 'MERGE', 'MKACTIVITY', 'MKCALENDAR'],
  ...[
    'MKCOL',
    'MOVE',
    'MSEARCH',
    'NOTIFY',
    'OPTIONS',
    'PATCH',
    'POST',
    'PROPFIND',
    'PROPPATCH',
    'PURGE',
    'PUT',
    'QUERY',
    'REBIND',
  ],
  ...['REPORT', 'SEARCH', 'SOURCE', 'SUBSCRIBE', 'TRACE', 'UNBIND', 'UNLINK', 'UNLOCK', 'UNSUBSCRIBE'],
]);

/** The methods that Node's HTTP/1 parser knows: one of them is spelt in another way. */
export const NODE_METHODS: ReadonlySet<string> = new Set(
  [...ENVOY_METHODS].map((name) => (name === 'MSEARCH' ? 'M-SEARCH' : name)),
);
