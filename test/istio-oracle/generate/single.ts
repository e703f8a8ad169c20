import type { Case, CaseRequest, Identities } from '../case.ts';
import { ensureClaims, type Facts, plainFacts, requestOf, type Surroundings, tcpRequestOf } from './facts.ts';
import { CONDITIONS, type Field, OPERATION_FIELDS, SOURCE_FIELDS } from './fields.ts';
import { stepAway } from './mutation.ts';
import { Random } from './random.ts';
import { GENERATOR_VERSION } from './set.ts';

const REQUESTS = 18;
const MODES = ['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'];
const FIELDS = [...SOURCE_FIELDS, ...OPERATION_FIELDS, ...CONDITIONS];

/** Texts that are easily taken for something else. */
const ODD_TEXTS = ['', ' ', '\n', 'a\nb', '\t', 'read  write', ' read', 'read ', '*', '\u0000', 'A', '\u00e9'];
const ODD_BYTES = ['\x01', 'a\tb', '\x7f', '\x80', ' a', 'a ', '', 'a\x0bb', '\xc3\xa9', 'a,b'];

/**
 * A set whose only rule has one value of one field: nothing else hides what that value does. Requests fit it, fit another value of
 * the field, or are a step away; for an identity every caller asks once.
 */
export function makeSingle(seed: number, index: number, identities: Identities): Case {
  const random = new Random(Math.imul(seed, 0x27d4eb2f) ^ Math.imul(index + 1, 0x165667b1));
  const field = FIELDS[index % FIELDS.length] ?? random.pick(FIELDS);
  const value = field.value(random);
  const trustDomain = random.pick(['cluster.local', 'td1', 'new-td']);
  const trustDomainAliases = random.some(['old-td', 'foobar', 'x-td'], random.between(0, 3));
  const surroundings: Surroundings = {
    identities,
    trustDomains: [trustDomain, ...trustDomainAliases],
    issuers: random.chance(0.5) ? ['issuer-x'] : ['https://idp.example', 'issuer-x'],
  };
  const mode = random.pick(MODES);
  const isNegative = random.chance(0.3);
  return {
    id: `s${GENERATOR_VERSION}-${seed}-${String(index).padStart(5, '0')}`,
    mesh: { rootNamespace: 'istio-system', trustDomain, trustDomainAliases, pathNormalization: { normalization: mode } },
    workload: { namespace: 'foo', labels: { app: 'httpbin' } },
    objects: [
      {
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: 'p0', namespace: 'foo' },
        spec: { action: random.chance(0.6) ? 'DENY' : 'ALLOW', rules: [ruleOf(field, value, isNegative)] },
      },
      {
        apiVersion: 'security.istio.io/v1',
        kind: 'RequestAuthentication',
        metadata: { name: 'ra', namespace: 'foo' },
        spec: { jwtRules: surroundings.issuers.map((issuer) => ({ issuer, jwks: '@JWKS' })) },
      },
    ],
    requests: Array.from({ length: REQUESTS }, (_, at) => makeRequest({ random, field, value, surroundings, at })),
  };
}

function ruleOf(field: Field, value: string, isNegative: boolean): Record<string, unknown> {
  if (field.list === undefined || field.side === 'when') {
    return { when: [{ key: field.key, [isNegative ? 'notValues' : 'values']: [value] }] };
  }
  const term = { [field.list[isNegative ? 1 : 0]]: [value] };
  return field.side === 'source' ? { from: [{ source: term }] } : { to: [{ operation: term }] };
}

interface Making {
  readonly random: Random;
  readonly field: Field;
  readonly value: string;
  readonly surroundings: Surroundings;
  readonly at: number;
}

function makeRequest({ random, field, value, surroundings, at }: Making): CaseRequest {
  const facts = plainFacts(random);
  facts.isHttp2 = at % 2 === 1;
  const callers = Object.keys(surroundings.identities);
  if (field.side === 'source' && field.isHttpOnly !== true) facts.peer = callers[at % callers.length] ?? null;
  else if (at % 3 === 0) field.fit(value, facts, random, surroundings);
  else if (at % 3 === 1) field.fit(field.value(random), facts, random, surroundings);
  else {
    field.fit(value, facts, random, surroundings);
    stepAway({ field, positive: [value], negative: [] }, facts, random, surroundings);
  }
  if (random.chance(0.25)) makeOdd(facts, field, random, surroundings);
  const isTcp = field.isHttpOnly !== true && random.chance(0.2);
  return isTcp ? tcpRequestOf(facts) : requestOf(facts, { token: {} });
}

/** A text at the edge of what the field's place can hold. */
function makeOdd(facts: Facts, field: Field, random: Random, surroundings: Surroundings): void {
  const claim = /^request\.auth\.claims\[(\w+)\]$/.exec(field.key ?? '')?.[1];
  const header = /^request\.headers\[([\w-]+)\]$/.exec(field.key ?? '')?.[1];
  if (claim !== undefined)
    ensureClaims(facts, surroundings, random)[claim] = random.pick<unknown>([...ODD_TEXTS, ODD_TEXTS, [''], ['\n', 'a']]);
  else if (header !== undefined && header !== 'host') {
    // The HTTP/2 client refuses names that are none.
    const isWrong = !facts.isHttp2 && random.chance(0.3);
    facts.headers.push([`${header.toLowerCase()}${isWrong ? random.pick([' x', '@', '\x01']) : ''}`, random.pick(ODD_BYTES)]);
  }
}
