import type { JsonObject } from '../../wire/call.ts';
import type { FieldPath, JwtRule, PeerAuthentication, RequestAuthentication } from '../objects.ts';
import { asFields, fieldsAt, isObject, listAt, textAt, valueAt } from '../read/field.ts';
import { attachmentFaults, selectorFaults } from './attachment.ts';
import { isJwksUri, jwksFaults } from './jwks.ts';
import type { ValidationFault } from './validate.ts';

/** What the webhook says about a RequestAuthentication. */
export function requestAuthenticationFaults(object: RequestAuthentication): readonly ValidationFault[] {
  const raw = listAt(fieldsAt(asFields(object.raw), 'spec'), 'jwtRules');
  return [
    ...attachmentFaults(object),
    ...object.jwtRules.flatMap((rule, index) => jwtRuleFaults(rule, asFields(raw[index]), ['spec', 'jwtRules', index])),
  ];
}

/** What the webhook says about a PeerAuthentication. */
export function peerAuthenticationFaults(object: PeerAuthentication): readonly ValidationFault[] {
  const spec = fieldsAt(asFields(object.raw), 'spec');
  const path = ['spec', 'portLevelMtls'];
  const fault = (message: string, at: FieldPath = path, help?: string): ValidationFault => ({
    severity: 'error',
    code: 'PORT_MTLS_INVALID',
    path: at,
    message,
    ...(help === undefined ? {} : { help }),
  });
  const faults = [...selectorFaults(spec)];
  const ports = Object.keys(object.portLevelMtls);
  if (Object.keys(object.selector ?? {}).length === 0 && ports.length > 0) {
    faults.push(
      fault('only a policy that selects workloads by label can have modes for ports', path, 'add `selector.matchLabels`'),
    );
  }
  if (isObject(valueAt(spec, 'portLevelMtls')) && ports.length === 0)
    faults.push(fault('`portLevelMtls` is empty', path, 'leave it out'));
  for (const port of ports) {
    if (!/^[0-9]+$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
      faults.push(fault(`\`${port}\` is no port from 1 to 65535`, [...path, port]));
    }
  }
  return faults;
}

function jwtRuleFaults(rule: JwtRule, raw: JsonObject, path: FieldPath): readonly ValidationFault[] {
  const faults: ValidationFault[] = [];
  const bad = (at: FieldPath, message: string, help?: string): void => {
    faults.push({
      severity: 'error',
      code: 'JWT_RULE_INVALID',
      path: [...path, ...at],
      message,
      ...(help === undefined ? {} : { help }),
    });
  };
  if (rule.issuer === '' && rule.jwksUri === '') bad(['issuer'], 'a rule needs `issuer` or `jwksUri`');
  if (rule.jwksUri !== '' && !isJwksUri(rule.jwksUri)) {
    faults.push({
      severity: 'error',
      code: 'JWKS_INVALID',
      path: [...path, 'jwksUri'],
      message: `\`${rule.jwksUri}\` is no http or https URL`,
    });
  }
  faults.push(...jwksFaults(rule.jwks, [...path, 'jwks']));
  for (const name of ['audiences', 'fromParams', 'fromCookies'] as const) {
    for (const [index, value] of rule[name].entries()) if (value === '') bad([name, index], 'the text is empty');
  }
  for (const [index, header] of rule.fromHeaders.entries()) {
    if (header.name === '') bad(['fromHeaders', index, 'name'], 'a header needs a name');
  }
  for (const [index, { header, claim }] of rule.outputClaimToHeaders.entries()) {
    const at = ['outputClaimToHeaders', index];
    if (header === '' || claim === '') bad(at, 'both `header` and `claim` are needed');
    else if (!/^[-_A-Za-z0-9]+$/.test(header))
      bad([...at, 'header'], `\`${header}\` is no header name that Istio takes`, 'use letters, digits, `-` and `_`');
  }
  const timeout = textAt(raw, 'timeout');
  if (timeout !== '' && !isDuration(timeout))
    bad(['timeout'], `\`${timeout}\` is no time that Istio takes`, 'write seconds or milliseconds, such as `5s` or `0.5s`');
  return faults;
}

/** A duration in Go's syntax (`1m30s`, `.5s`) of whole milliseconds, at least one. */
function isDuration(text: string): boolean {
  if (!/^[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return false;
  const parts = [...text.matchAll(/([0-9]*)\.?([0-9]*)(ns|us|µs|μs|ms|s|m|h)/g)];
  const nanoseconds = parts.reduce((sum, [, whole = '', fraction = '', unit = '']) => sum + scaled(whole, fraction, unit), 0n);
  return !text.startsWith('-') && nanoseconds >= 1_000_000n && nanoseconds % 1_000_000n === 0n;
}

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

function scaled(whole: string, fraction: string, unit: string): bigint {
  const digits = fraction.slice(0, 18);
  return (BigInt(`${whole}${digits}` || '0') * (UNITS[unit] ?? 0n)) / 10n ** BigInt(digits.length);
}
