import type { Leaf } from '../matcher.ts';
import type { Part, Region } from './region.ts';
import { namesOf } from './value.ts';

/** A kind of requests in the mesh's own terms. */
export interface Words {
  readonly callers: string;
  readonly requests: string;
}

/** Alternatives that are named before the rest is counted. */
const MAX_NAMED = 4;

export interface WordsContext {
  readonly transport: 'http' | 'tcp';
  /** Kinds of tokens that the requests carry. */
  readonly tokens: readonly string[];
  /** Only those count that some ALLOW rule, of many, lets in. */
  readonly isLetIn: boolean;
}

export function wordsOf({ parts, isRough }: Region, { transport, tokens, isLetIn }: WordsContext): Words {
  const by = (test: (variable: string) => boolean) => parts.filter(({ variable }) => test(variable)).map(partText);
  const identity = parts.find(({ variable }) => variable === 'identity');
  const claims = claimTexts(parts.filter(({ variable }) => variable.startsWith('claim ')));
  const who = [
    identity === undefined ? 'any caller' : callerText(identity),
    ...by((variable) => variable === 'directIp' || variable === 'remoteIp'),
  ];
  if (tokens.length > 0) who.push(`with ${listed(tokens, 'or')}`);
  const callers = [...who, ...(claims.length === 0 ? [] : [`with ${claims.join(' and ')}`])].join(', ');
  const method = parts.find(({ variable }) => variable === 'header :method');
  const path = parts.find(({ variable }) => variable === 'path');
  const first = [
    method === undefined ? undefined : valuesText(method),
    path === undefined ? undefined : valuesText(path, 'paths'),
  ];
  const lead = first.filter((text) => text !== undefined).join(' ');
  const rest = by((variable) => /^(?:header (?!:method)|port$|sni$|localIp$|metadata )/.test(variable));
  const any = transport === 'http' ? 'any request' : 'any connection';
  const letIn = isLetIn ? ['as far as ALLOW rules let them in'] : [];
  const requests = [lead === '' ? any : lead, ...rest, ...letIn, ...(isRough ? ['in part'] : [])].join(', ');
  return { callers, requests };
}

/** Issuer and subject together are what the mesh calls a request principal. */
function claimTexts(parts: readonly Part[]): readonly string[] {
  const [iss, sub] = ['claim ["iss"]', 'claim ["sub"]'].map((variable) => parts.find((part) => part.variable === variable));
  const isPair = [iss, sub].every((part) => part?.wanted.length === 1 && part.unwanted.length === 0);
  if (!isPair || iss === undefined || sub === undefined) return parts.map(partText);
  const rest = parts.filter((part) => part !== iss && part !== sub);
  return [`request principal ${valuesText(iss)}/${valuesText(sub)}`, ...rest.map(partText)];
}

function callerText(part: Part): string {
  const { wanted, unwanted } = part;
  const isPlain = unwanted.some((leaf) => 'test' in leaf && (leaf.test.op === 'present' || leaf.test.op === 'nonEmpty'));
  if (isPlain) return 'callers without a certificate';
  const texts = wanted.map((leaves) => listed(leaves.map(identityText), 'or'));
  const lead = texts.length === 0 ? 'any caller' : texts.join(' that is also ');
  return unwanted.length === 0 ? lead : `${lead} except ${listed(unwanted.map(identityText), 'and')}`;
}

function identityText(leaf: Leaf): string {
  if (leaf.type !== 'identity') return leafText(leaf);
  const { test } = leaf;
  switch (test.op) {
    case 'namespace':
      return `namespace ${test.value}`;
    case 'serviceAccount':
      return `service account ${test.namespace}/${test.name}`;
    case 'trustDomain':
      return test.value === '*' ? 'any spiffe:// identity' : `trust domain ${test.value}`;
    case 'meshNamespace':
      return `namespace ${stringText(test.test)}`;
    case 'meshAccount':
      return `service account ${test.namespace}/${test.name}`;
    case 'spiffeSuffix':
      return `*${test.suffix}`;
    case 'nonEmpty':
    case 'present':
      return 'any caller with a certificate';
    default:
      return stringText(test).replace(/^spiffe:\/\//, '');
  }
}

/** An attribute that is named with its values: `host shop.example`. */
function partText(part: Part): string {
  return `${nameOf(part.variable)} ${valuesText(part)}`;
}

function nameOf(variable: string): string {
  switch (variable) {
    case 'header :authority':
      return 'host';
    case 'directIp':
      return 'from address';
    case 'remoteIp':
      return 'client address';
    case 'localIp':
      return 'to address';
    case 'sni':
      return 'server name';
  }
  if (variable.startsWith('claim ')) return `claim ${namesOf(variable).join('.')}`;
  if (variable.startsWith('metadata ')) return `metadata ${namesOf(variable).join(' ')}`;
  return variable;
}

function valuesText({ variable, wanted, unwanted }: Part, plural = 'values'): string {
  const texts = wanted.map((leaves) => listed(leaves.map(leafText), 'or'));
  const isAbsent =
    wanted.length === 0 && unwanted.some((leaf) => 'test' in leaf && (leaf.test.op === 'present' || leaf.test.op === 'nonEmpty'));
  if (isAbsent && variable !== 'path') return 'absent';
  const except = listed(unwanted.map(leafText), 'and');
  if (texts.length === 0)
    return variable === 'header :method'
      ? `methods except ${except}`
      : variable === 'path'
        ? `${plural} except ${except}`
        : `except ${except}`;
  return unwanted.length === 0 ? texts.join(' and ') : `${texts.join(' and ')} except ${except}`;
}

function leafText(leaf: Leaf): string {
  switch (leaf.type) {
    case 'directIp':
    case 'remoteIp':
    case 'localIp':
      return leaf.block.text;
    case 'port':
      return String(leaf.port);
    case 'identity':
      return identityText(leaf);
    default:
      return leaf.test.op === 'template' ? leaf.test.template : stringText(leaf.test);
  }
}

type StringTest = Extract<Leaf, { readonly type: 'sni' }>['test'];

function stringText(test: StringTest): string {
  switch (test.op) {
    case 'exact':
      return test.value === '' ? 'empty' : test.value;
    case 'prefix':
      return `${test.value}*`;
    case 'suffix':
      return `*${test.value}`;
    case 'nonEmpty':
    case 'present':
      return '*';
  }
}

function listed(texts: readonly string[], word: 'or' | 'and'): string {
  const all = [...new Set(texts)];
  const rest = all.length - MAX_NAMED;
  if (rest > 1) return `${all.slice(0, MAX_NAMED).join(', ')} ${word} ${rest} more`;
  return all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} ${word} ${all.at(-1)}`;
}
