'use strict';
// What of undici is in the bundle: connections, and `fetch` once it is called. Its own entry also loads caches, mocks, cookies and
// WebSockets, which is a third of the gateway's start. A name that is missing here fails the build.
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');

Object.assign(Dispatcher.prototype, require('undici/lib/api/index.js'));

exports.Agent = require('undici/lib/dispatcher/agent.js');
exports.Pool = require('undici/lib/dispatcher/pool.js');
exports.buildConnector = require('undici/lib/core/connect.js');

/** As undici's own, where a dispatcher is given. */
exports.request = function request(url, { dispatcher, ...options }) {
  const { origin, pathname, search } = new URL(url);
  return dispatcher.request({ ...options, origin, path: pathname + search, method: options.method ?? 'GET' });
};

exports.fetch = function fetch(url, options) {
  return require('undici/lib/web/fetch/index.js').fetch(url, options);
};
