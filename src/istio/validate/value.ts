import { parseCidr } from '../compile/cidr.ts';
import type { ValidationCode } from './validate.ts';

/** Why a value is refused. */
export interface ValueFault {
  readonly code: ValidationCode;
  readonly message: string;
  readonly help?: string;
}

export type ValueCheck = (value: string) => ValueFault | undefined;

export const notEmpty: ValueCheck = (value) => (value === '' ? { code: 'VALUE_EMPTY', message: 'the text is empty' } : undefined);

/** An address, or a block with prefix length. */
export const ipBlock: ValueCheck = (value) =>
  parseCidr(value) === undefined
    ? { code: 'IP_BLOCK_INVALID', message: `\`${value}\` is neither an IP address nor a block such as \`10.0.0.0/8\`` }
    : undefined;

/** 0 to 65535; leading zeros are taken. */
export const port: ValueCheck = (value) =>
  /^[0-9]+$/.test(value) && Number(value) <= 65_535
    ? undefined
    : { code: 'PORT_INVALID', message: `\`${value}\` is no port`, help: 'ports are whole numbers from 0 to 65535, in quotes' };

/** `ACCOUNT` or `NAMESPACE/ACCOUNT`, without stars. */
export const serviceAccount: ValueCheck = (value) => {
  const fault = (message: string): ValueFault => ({
    code: 'SERVICE_ACCOUNT_INVALID',
    message,
    help: 'write `account` or `namespace/account`',
  });
  if (value === '') return { code: 'VALUE_EMPTY', message: 'the text is empty' };
  if (value.includes('*')) return fault('service accounts are compared whole, `*` is no wildcard here');
  const parts = value.split('/');
  if (parts.length > 2 || parts.some((part) => part === '')) return fault(`\`${value}\` is no service account`);
  if (new TextEncoder().encode(value).byteLength > 320) return fault('a service account has at most 320 bytes');
  return undefined;
};

/** One star, at an end. */
export const wildcard: ValueCheck = (value) => {
  if (value === '') return { code: 'VALUE_EMPTY', message: 'the text is empty' };
  const stars = value.split('*').length - 1;
  if (stars === 0 || (stars === 1 && (value.startsWith('*') || value.endsWith('*')))) return undefined;
  return { code: 'TRUST_DOMAIN_INVALID', message: `\`${value}\`: a star can only stand once, at the start or the end` };
};

export const trustDomain: ValueCheck = (value) =>
  wildcard(value) ??
  (value.includes('/') ? { code: 'TRUST_DOMAIN_INVALID', message: `\`${value}\`: a trust domain has no \`/\`` } : undefined);

/** A path, plain or with `{*}` and `{**}`. */
export const path: ValueCheck = (value) => {
  const isTemplate = hasTemplate(value);
  let isBehindAny = false;
  for (const segment of value.replace(/^\/+|\/+$/g, '').split('/')) {
    if (segment === '{*}' || segment === '{**}') {
      if (isBehindAny) return badTemplate(value, '`{**}` must be the last operator');
      isBehindAny = segment === '{**}';
    } else if (/[{}]/.test(segment)) return badTemplate(value, 'a brace can only stand in `{*}` or `{**}`, each a whole segment');
    else if (isTemplate && !LITERAL.test(segment)) return badTemplate(value, literalFault(segment));
  }
  return undefined;
};

export function hasTemplate(value: string): boolean {
  return value.includes('{*}') || value.includes('{**}');
}

/**
 * What Istio takes and stock Envoy does not load (seen with 1.36.4, 1.38.3 and 1.40.0). A template without exactly one leading slash
 * or with an empty segment ends the process, by an exception that nothing catches, also when it comes as an update of a
 * running proxy; one that is too long is refused with its listener, which stays as it was.
 */
export const loadableTemplate: ValueCheck = (value) => {
  if (!hasTemplate(value) || path(value) !== undefined) return undefined;
  const fault = (message: string, help: string): ValueFault => ({ code: 'PATH_TEMPLATE_UNLOADABLE', message, help });
  if (!/^\/(?!\/)/.test(value) || value.includes('//')) {
    return fault(
      `\`${value}\`: Envoy ends when it gets a template without exactly one leading slash or with an empty segment`,
      'start with one `/` and write no `//`',
    );
  }
  const bytes = new TextEncoder().encode(value.replaceAll('{**}', '**').replaceAll('{*}', '*')).byteLength;
  if (bytes <= MAX_TEMPLATE_BYTES) return undefined;
  return fault(
    `this template has ${bytes} bytes and Envoy takes ${MAX_TEMPLATE_BYTES}`,
    'write a shorter one, or a prefix with a star at its end',
  );
};

/** `path_template` of Envoy's UriTemplateMatchConfig, where `{*}` is `*`. */
const MAX_TEMPLATE_BYTES = 256;
const LITERAL = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=]+$/;

function literalFault(segment: string): string {
  if (segment === '') return 'a segment beside a template cannot be empty';
  return segment.includes('*')
    ? `\`${segment}\`: write \`{*}\` instead of a star beside a template`
    : `\`${segment}\` cannot stand beside a template`;
}

function badTemplate(value: string, why: string): ValueFault {
  return { code: 'PATH_TEMPLATE_INVALID', message: `\`${value}\` is no path that Istio takes: ${why}` };
}
