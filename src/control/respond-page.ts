import type { Context } from 'hono';
import type { ControlEnv } from './call.ts';
import { layout, type Page } from './pages/layout.ts';
import { STYLE_HASH } from './pages/style.ts';

/**
 * Sends a page. Scripts, frames, images and calls are all forbidden to it; `same-origin` keeps its address from everybody else and,
 * unlike `no-referrer`, leaves forms their `Origin` (Fetch standard, "append a request Origin header").
 */
export function respondPage(c: Context<ControlEnv>, page: Page & { readonly status?: number }): Response {
  const formAction = ["'self'", ...(page.formTargets ?? [])].join(' ');
  c.header(
    'content-security-policy',
    `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action ${formAction}; base-uri 'none'; frame-ancestors 'none'`,
  );
  c.header('referrer-policy', 'same-origin');
  c.header('content-type', 'text/html; charset=utf-8');
  // Hono wants a literal; the statuses are those of Problems.
  return c.body(layout(page), (page.status ?? 200) as 200);
}
