import { explain } from '../../istio/explain/explain.ts';
import type { Explanation } from '../../istio/explain/explanation.ts';
import type { RequestDraft } from '../../istio/request/draft.ts';
import type { ReadRequest } from '../../istio/request/read-request.ts';
import { withTokens } from '../../istio/request/token.ts';
import { findTargets } from '../../istio/target/target.ts';
import { EXIT } from '../functions.ts';
import type { Output } from '../output.ts';
import { alike, groupText } from './alike.ts';
import { explanationText } from './explain-text.ts';
import { describedRequest, type RequestOptions, usage } from './request-options.ts';
import { loadSurroundings, type WorkloadOptions } from './surroundings.ts';

export interface ExplainOptions extends WorkloadOptions, RequestOptions {
  readonly port?: string;
  readonly authoriser?: 'allow' | 'deny';
}

/** Why would this request be allowed or denied? 0 allowed, 2 denied, 1 where that hangs on what nobody knows. */
export async function explainRequest(options: ExplainOptions, output: Output): Promise<number> {
  const named = [...(options.filename ?? []), options.meshConfig, options.request, options.jwtClaims?.replace(/^@/, '')];
  if (named.filter((name) => name === '-').length > 1) throw usage('standard input can be read once: `-` stands twice');
  const { model, profile, target: way, caveats } = await loadSurroundings(options, output);
  const described = await describedRequest(options, model.config.trustDomain);
  const { read } = described;
  // The text of a token is not repeated, wherever it stood.
  const draft = withTokens(
    described.draft,
    model.requestAuthentications.flatMap(({ jwtRules }) => jwtRules),
  );
  const targets = findTargets(model, options.to, way);
  // The port of a Service becomes that of the workload; what a log says of the workload's port stays.
  const { localPort: stated, ...rest } = draft;
  const asked = way.port === undefined && stated !== undefined ? draft : rest;
  const answers = targets.map((target) =>
    explain({
      model,
      target,
      draft: asked,
      profile,
      now: Math.floor(Date.now() / 1000),
      ...(options.authoriser === undefined ? {} : { authoriser: options.authoriser }),
    }),
  );
  const value = {
    ...(read === undefined
      ? {}
      : { request: { form: read.form, ...(read.logged === undefined ? {} : { logged: read.logged }) } }),
    ...(caveats.length === 0 ? {} : { caveats }),
    answers,
  };
  const text = (one: Explanation) => explanationText(one, requestText(draft, one));
  output.data(value, () =>
    [
      ...caveats.map((one) => one.text),
      ...readLines(read, answers),
      ...alike(answers).map((group) => groupText(group, text)),
    ].join('\n\n'),
  );
  return exitOf(answers);
}

function exitOf(answers: readonly Explanation[]): number {
  if (answers.some(({ verdict }) => verdict.v === 'deny' || verdict.v === 'reject')) return EXIT.denied;
  return answers.some(({ verdict }) => verdict.v === 'unknown') ? EXIT.failed : EXIT.ok;
}

const FORMS: Readonly<Record<ReadRequest['form'], string>> = {
  'http-head': 'the head of an HTTP request',
  case: 'a request of a case in JSON',
  'access-log-json': 'a line of an access log in JSON: it holds neither all headers nor, by default, who called',
  'access-log-text': 'a line of an access log: it holds neither the headers nor who called',
};

function readLines(read: ReadRequest | undefined, answers: readonly Explanation[]): string[] {
  if (read === undefined) return [];
  const { form, logged } = read;
  const lines = [`Read as ${FORMS[form]}.`];
  if (logged !== undefined && (logged.status > 0 || logged.details !== '')) {
    const details = logged.details === '' ? '' : `, ${logged.details}`;
    const agrees = answers.some(({ verdict }) => isLogged(verdict, logged));
    lines.push(
      `The log says ${logged.status}${details}: ${agrees ? 'as below' : 'not as below, so something that the log does not hold decided, or other rules were in force'}.`,
    );
  }
  return [lines.join('\n')];
}

function isLogged(verdict: Explanation['verdict'], { status, details }: NonNullable<ReadRequest['logged']>): boolean {
  if (verdict.v === 'allow')
    return !details.startsWith('rbac_access_denied') && !details.startsWith('jwt_authn') && !details.startsWith('ext_authz');
  if (verdict.by === 'rbac')
    return details === ''
      ? status === (verdict.s ?? 0)
      : details === `rbac_access_denied_matched_policy[${verdict.id ?? 'none'}]`;
  return details === '' ? status === (verdict.s ?? 0) : details.startsWith(verdict.by ?? '-');
}

/** The request in one line. */
function requestText({ method, path, authority, peer, tokens }: RequestDraft, { transport }: Explanation): string {
  const who =
    peer === undefined || peer === 'none'
      ? 'without identity'
      : `from ${[...peer.uris, ...peer.dns, peer.subject].find((name) => name !== '') ?? 'an empty certificate'}`;
  const token = (tokens ?? []).length > 0 ? ', with a token' : '';
  const what =
    transport === 'tcp'
      ? 'a connection'
      : `${method ?? 'GET'} ${path ?? '/'}${authority === undefined ? '' : ` at ${authority}`}`;
  return `${what} ${who}${token}`;
}
