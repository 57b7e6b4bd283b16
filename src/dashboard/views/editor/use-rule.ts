// In charge of one rule in two forms while it is edited: what is typed leads, and the other form follows from the service's answer; and of the
// count that goes with it. Answers about a state that has changed since are dropped.
import { useCallback, useEffect, useState } from 'react';
import { call, Problem } from '../../api/call.ts';
import type { Diagnostic, Json } from './rule-json.ts';

const CHECK_MS = 250;
const COUNT_MS = 350;

interface Draft {
  /** the form that was edited last: the one that is sent and kept */
  readonly source: 'text' | 'json';
  readonly text: string;
  readonly json: Json | null;
}

export interface Verdict {
  readonly status: 'empty' | 'checking' | 'valid' | 'invalid' | 'failed';
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  readonly isTimeDependent: boolean;
  readonly problem: Problem | null;
}

export interface Count {
  readonly count: number;
  readonly population: number;
  readonly sample: readonly { readonly id: string }[];
}

export interface EditedRule {
  readonly draft: Draft;
  /** it differs from what it began with */
  readonly isChanged: boolean;
  readonly verdict: Verdict;
  /** what is sent; null: nothing written yet */
  readonly rule: string | Json | null;
  readonly count: Count | null;
  /** the count is of an earlier state */
  readonly isCounting: boolean;
  readonly countProblem: Problem | null;
  readonly editText: (text: string) => void;
  readonly editJson: (json: Json | null) => void;
}

const EMPTY: Verdict = { status: 'empty', errors: [], warnings: [], isTimeDependent: false, problem: null };

interface Checked {
  readonly text: string;
  readonly json: Json;
  readonly timeDependent: boolean;
  readonly warnings: readonly Diagnostic[];
}

/** `countedFor`: for a text, the rule that the count belongs to, if it is not the text itself */
export function useRule(firstText: string, countedFor: (text: string) => string = (text) => text): EditedRule {
  const [first] = useState(firstText);
  const [draft, setDraft] = useState<Draft>({ source: 'text', text: firstText, json: null });
  const [verdict, setVerdict] = useState<Verdict>(EMPTY);
  const written = draft.source === 'text' ? draft.text : draft.json;
  const rule = written === null || (typeof written === 'string' && written.trim() === '') ? null : written;
  useEffect(() => {
    if (rule === null) {
      setVerdict(EMPTY);
      return undefined;
    }
    setVerdict((before) => ({ ...before, status: 'checking' }));
    return later(CHECK_MS, async (signal) => {
      const answer = await check(rule, signal);
      if (signal.aborted) return;
      setVerdict(answer.verdict);
      const { checked } = answer;
      if (checked === null) return;
      setDraft((before) => (before.source === 'text' ? { ...before, json: checked.json } : { ...before, text: checked.text }));
    });
  }, [rule]);
  const counted = useCount(typeof rule === 'string' ? countedFor(rule) : rule, verdict.status);
  const editText = useCallback((text: string) => setDraft((before) => ({ ...before, source: 'text', text })), []);
  const editJson = useCallback((json: Json | null) => setDraft((before) => ({ ...before, source: 'json', json })), []);
  const isChanged = draft.source === 'json' || draft.text !== first;
  return { draft, isChanged, verdict, rule, ...counted, editText, editJson };
}

async function check(rule: string | Json, signal: AbortSignal): Promise<{ readonly verdict: Verdict; readonly checked: Checked | null }> {
  try {
    const { body } = await call<Checked>('POST', '/v1/rules/check', { body: { rule }, signal });
    const { warnings, timeDependent } = body;
    return { checked: body, verdict: { status: 'valid', errors: [], warnings, isTimeDependent: timeDependent, problem: null } };
  } catch (error) {
    if (signal.aborted) return { checked: null, verdict: EMPTY };
    if (!(error instanceof Problem)) throw error;
    if (error.code !== 'invalid_rule') return { checked: null, verdict: { ...EMPTY, status: 'failed', problem: error } };
    const errors = error.errors as readonly Diagnostic[];
    return { checked: null, verdict: { ...EMPTY, status: 'invalid', errors } };
  }
}

type Counted = Pick<EditedRule, 'count' | 'isCounting' | 'countProblem'>;

function useCount(rule: string | Json | null, status: Verdict['status']): Counted {
  const [counted, setCounted] = useState<Counted>({ count: null, isCounting: false, countProblem: null });
  useEffect(() => {
    if (rule === null) setCounted({ count: null, isCounting: false, countProblem: null });
    if (rule === null || status !== 'valid') return undefined;
    setCounted((before) => ({ ...before, isCounting: true }));
    return later(COUNT_MS, async (signal) => {
      try {
        const { body } = await call<Count>('POST', '/v1/rules/preview', { body: { rule }, signal });
        setCounted({ count: body, isCounting: false, countProblem: null });
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Problem)) throw error;
        setCounted({ count: null, isCounting: false, countProblem: error });
      }
    });
  }, [rule, status]);
  return status === 'valid' || rule === null ? counted : { ...counted, isCounting: counted.count !== null };
}

/** → what cancels it, before it has begun or while it is under way */
function later(ms: number, work: (signal: AbortSignal) => Promise<void>): () => void {
  const controller = new AbortController();
  const timer = setTimeout(() => void work(controller.signal), ms);
  return () => {
    clearTimeout(timer);
    controller.abort();
  };
}
