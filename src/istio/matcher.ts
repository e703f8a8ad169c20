import type { FieldPath } from './objects.ts';

/**
 * What a rule compiles to: the tree that Istio gives to Envoy's RBAC filter, with the place of each term kept. Evaluator,
 * explanation, lint and diff walk the same tree.
 */
export type Matcher =
  | { readonly type: 'any' }
  /** Never true: an ALLOW policy without rules. */
  | { readonly type: 'never' }
  | { readonly type: 'and'; readonly of: readonly Matcher[] }
  | { readonly type: 'or'; readonly of: readonly Matcher[] }
  | { readonly type: 'not'; readonly of: Matcher }
  | Leaf;

/** One value of one field compared with one attribute. A leaf on an absent attribute is false. */
export type Leaf = LeafTest & { readonly origin: Origin };

/** The value in the policy that a leaf stands for. */
export interface Origin {
  /** `spec.rules[0].from[1].source.principals[2]`, as steps. */
  readonly path: FieldPath;
  /** As written in the policy; alias expansion gives several leaves with one value. */
  readonly value: string;
}

export type LeafTest =
  /** Any URI SAN, DNS SAN or the subject; on waypoints the one string of filter state. */
  | { readonly type: 'identity'; readonly test: IdentityTest }
  | { readonly type: 'directIp' | 'remoteIp' | 'localIp'; readonly block: CidrBlock }
  /** Name in lower case; pseudo-headers `:authority`, `:method`, `:path` included. */
  | { readonly type: 'header'; readonly name: string; readonly test: StringTest }
  /** The path without query and fragment, normalised. */
  | { readonly type: 'path'; readonly test: StringTest | TemplateTest }
  | { readonly type: 'port'; readonly port: number }
  | { readonly type: 'sni'; readonly test: StringTest }
  /** `list`: the claim is a string that passes, or a list with a string that does. `string`: only a string counts. */
  | { readonly type: 'claim'; readonly path: readonly string[]; readonly shape: 'string' | 'list'; readonly test: StringTest }
  /** `list`: a list with an element that passes; `string`: a string that passes. */
  | {
      readonly type: 'metadata';
      readonly filter: string;
      readonly key: string;
      readonly shape: 'string' | 'list';
      readonly test: StringTest;
    };

/**
 * Values that are compared with wire texts (header, path, sni, identity) are latin-1, one character a byte of their UTF-8; those
 * of claims and metadata are Unicode. Case-sensitive unless `ignoreCase` (ASCII). `nonEmpty` is RE2's `.+` on the whole value; `present` needs only the attribute. */
export type StringTest =
  | { readonly op: 'exact' | 'prefix' | 'suffix'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly op: 'nonEmpty' }
  | { readonly op: 'present' };

export type IdentityTest =
  | StringTest
  /** `spiffe://.*SUFFIX` */
  | { readonly op: 'spiffeSuffix'; readonly suffix: string }
  /** `.*\/ns/V/.*`, each star in V being `.*` */
  | { readonly op: 'namespace'; readonly value: string }
  /** `spiffe://.+/ns/NS/(.+/|)sa/SA(/.+)?` */
  | { readonly op: 'serviceAccount'; readonly namespace: string; readonly name: string }
  /** `*`: any `spiffe://`; no star: `spiffe://TD/…`; otherwise the first star is `[^/]*`. */
  | { readonly op: 'trustDomain'; readonly value: string }
  /** ztunnel alone: the namespace, and namespace with account, of an id that is exactly `spiffe://TD/ns/NS/sa/SA`. */
  | { readonly op: 'meshNamespace'; readonly test: StringTest }
  | { readonly op: 'meshAccount'; readonly namespace: string; readonly name: string };

/** A path with `{*}` and `{**}`; literal text between them. */
export interface TemplateTest {
  readonly op: 'template';
  /** As written. */
  readonly template: string;
}

/** An IPv4 or IPv6 block; host bits are ignored. */
export interface CidrBlock {
  readonly text: string;
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
  readonly bits: number;
}
