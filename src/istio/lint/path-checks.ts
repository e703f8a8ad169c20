import { normalizePath, withoutQuery } from '../evaluate/normalize-path.ts';
import type { PathNormalization } from '../objects.ts';
import { hasTemplate, loadableTemplate } from '../validate/value.ts';
import type { LintContext, RuleSite } from './context.ts';
import type { Finding } from './finding.ts';
import { tried } from './http-checks.ts';
import { type SiteValue, valuesOf } from './values.ts';

/** What a rule says of paths, beside what the proxy makes of a path before it compares. */
export function pathChecks(context: LintContext): readonly Finding[] {
  return context.rules.flatMap((site) =>
    valuesOf(site)
      .filter(({ field }) => field === 'paths')
      .flatMap((value) => {
        const never = [...unloadable(context, site, value), ...unreachable(context, site, value)];
        return never.length > 0
          ? never
          : [...sidestep(context, site, value), ...exact(context, site, value), ...character(context, site, value)];
      }),
  );
}

function unloadable(context: LintContext, { policy }: RuleSite, { value, path }: SiteValue): readonly Finding[] {
  const fault = loadableTemplate(value);
  if (fault === undefined) return [];
  const isFatal = !/^\/(?!\/)/.test(value) || value.includes('//');
  const effect = isFatal
    ? 'stock Envoy ends when it gets it, with all connections'
    : 'Envoy refuses it with the whole listener, which keeps its old rules';
  const shown = value.length > 60 ? `${value.slice(0, 60)}…` : value;
  const message = `Istio takes the template \`${shown}\` and ${effect}: not even \`GET /\` is answered by what is written here`;
  return [context.finding('template-not-loadable', { object: policy, path, message, help: fault.help ?? '' })];
}

/** A value that no path has after normalisation, a query that is no part of a path, or no leading slash. */
function unreachable(context: LintContext, { policy }: RuleSite, { value, path, negated }: SiteValue): readonly Finding[] {
  const why = reason(value, context);
  if (why === undefined) return [];
  const effect = negated ? 'excludes nothing' : 'never matches';
  return [
    context.finding('unreachable-path', {
      object: policy,
      path,
      message: `${why.because}, so \`${value}\` ${effect}: a request for \`${value}\` is not compared as that`,
      help: why.help,
    }),
  ];
}

function reason(value: string, { model, profile }: LintContext): { readonly because: string; readonly help: string } | undefined {
  const literal = value.replace(/^\*|\*$/g, '');
  if (hasTemplate(value) || literal === '') return undefined;
  if (/[?#]/.test(literal))
    return { because: 'the query and the fragment are no part of the path', help: 'leave out what stands from `?` or `#` on' };
  if (!value.startsWith('*') && !value.startsWith('/'))
    return { because: 'every path starts with `/`', help: `write \`/${value}\`` };
  if (value.startsWith('*')) return undefined;
  const mode = model.config.normalization;
  const seen = withoutQuery(normalizePath(literal, mode, profile).path);
  const isExact = !value.endsWith('*');
  // The end of a prefix may be half of something; only what is surely behind the end of it counts.
  const isChanged = isExact ? seen !== literal : !seen.startsWith(literal) && !mayContinue(literal, seen);
  if (!isChanged) return undefined;
  return {
    because: `the proxy compares \`${literal}\` as \`${seen}\` (path normalisation ${mode})`,
    help: `write \`${seen}${isExact ? '' : '*'}\``,
  };
}

/** Prefixes that end in what normalisation looks at together with what follows. */
function mayContinue(literal: string, seen: string): boolean {
  return /(?:%[0-9a-fA-F]?|\/|\/\.{1,2}(?:;.*)?)$/.test(literal) || seen === literal.replace(/\/$/, '');
}

/** Ways to write one path that backends take for the same and this mode does not. */
function sidestep(context: LintContext, site: RuleSite, value: SiteValue): readonly Finding[] {
  const plain = plainPath(value.value);
  if (plain === undefined || !isGuard(site, value)) return [];
  for (const [written, why] of spellings(plain, context.model.config.normalization)) {
    const example = tried(context, site, value, { path: plain }, { path: written });
    if (example === undefined || example.verdict !== 'allow') continue;
    const message = `${why}: \`${example.request}\` goes past \`${value.value}\`, and many servers take it for \`${plain}\``;
    const help =
      'set `pathNormalization.normalization: DECODE_AND_MERGE_SLASHES` in the mesh configuration, or allow the paths that are wanted instead';
    return [context.finding('deny-path-sidestep', { object: site.policy, path: value.path, message, help, example })];
  }
  return [];
}

function spellings(path: string, mode: PathNormalization): readonly (readonly [written: string, why: string])[] {
  const behind = path.lastIndexOf('/');
  const list: (readonly [string, string])[] = [];
  if (mode === 'NONE')
    list.push([`/.${path}`, 'paths are not normalised'], [path.replace(/[a-z]/, escaped), 'paths are not normalised']);
  if (mode !== 'MERGE_SLASHES' && mode !== 'DECODE_AND_MERGE_SLASHES')
    list.push([`/${path}`, `slashes are not merged (path normalisation ${mode})`]);
  if (mode !== 'DECODE_AND_MERGE_SLASHES' && behind > 0) {
    list.push([`${path.slice(0, behind)}%2F${path.slice(behind + 1)}`, `\`%2F\` is not decoded (path normalisation ${mode})`]);
  }
  return list;
}

function escaped(letter: string): string {
  return `%${letter.charCodeAt(0).toString(16)}`;
}

/** An exact path that keeps out, while the same with a slash behind is another path for the proxy alone. */
function exact(context: LintContext, site: RuleSite, value: SiteValue): readonly Finding[] {
  const path = value.value;
  if (!isGuard(site, value) || hasTemplate(path) || path.includes('*') || !path.startsWith('/') || path === '/') return [];
  if (path.endsWith('/') || /\.[A-Za-z0-9]+$/.test(path)) return [];
  const example = tried(context, site, value, { path }, { path: `${path}/` });
  if (example === undefined || example.verdict !== 'allow') return [];
  const message = `\`${path}\` is this one path: \`${example.request}\` goes past it, as does everything below`;
  const help = `write \`${path}\` and \`${path}/*\``;
  return [context.finding('deny-path-exact', { object: site.policy, path: value.path, message, help, example })];
}

/** Characters that a server takes and a template's segment does not have. */
function character(context: LintContext, site: RuleSite, value: SiteValue): readonly Finding[] {
  if (!isGuard(site, value) || !hasTemplate(value.value)) return [];
  const fill = (text: string): string => value.value.replaceAll('{**}', text).replaceAll('{*}', text);
  const example = tried(context, site, value, { path: fill('ab') }, { path: fill('a[b') });
  if (example === undefined || example.verdict !== 'allow') return [];
  const message = `the segments of a template have no \`[\` or \`]\`: \`${example.request}\` goes past \`${value.value}\``;
  const help =
    /\/\{\*\*\}$/.test(value.value) && !hasTemplate(value.value.slice(0, -4))
      ? `write \`${value.value.slice(0, -4)}*\` instead`
      : 'allow the paths that are wanted instead of denying others';
  return [context.finding('template-character', { object: site.policy, path: value.path, message, help, example })];
}

/** A value that keeps requests out. */
function isGuard({ policy }: RuleSite, { negated }: SiteValue): boolean {
  return policy.action === 'DENY' ? !negated : policy.action === 'ALLOW' && negated;
}

/** A path that the value is for: itself, or the directory of a prefix. */
function plainPath(value: string): string | undefined {
  if (hasTemplate(value) || !value.startsWith('/') || value === '/*' || value === '/') return undefined;
  return value.endsWith('*') ? `${value.slice(0, -1)}${value.endsWith('/*') ? 'x' : ''}` : value;
}
