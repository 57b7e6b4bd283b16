// The reason for a decision by hand and until when it holds: asked wherever customers are moved or pinned.
import { useState } from 'react';
import { useTexts } from '../texts/texts.tsx';
import { TextField } from './field.tsx';
import { instantOf } from './local-instant.ts';

export interface Said {
  readonly reason: string;
  readonly until: string;
}

export function useSaid() {
  return useState<Said>({ reason: '', until: '' });
}

/** In the form that the API takes: what was left empty is left out. */
export function saidBody({ reason, until }: Said): { readonly reason?: string; readonly until?: string } {
  const instant = instantOf(until);
  return { ...(reason.trim() === '' ? {} : { reason: reason.trim() }), ...(instant === undefined ? {} : { until: instant }) };
}

interface Props {
  readonly said: Said;
  readonly onSaid: (said: Said) => void;
  readonly hasUntil?: boolean;
}

export function SaidFields({ said, onSaid, hasUntil = true }: Props) {
  const { hand: texts } = useTexts();
  return (
    <>
      <TextField label={texts.reason} hint={texts.reasonHint} value={said.reason} onValue={(reason) => onSaid({ ...said, reason })} />
      {hasUntil ? (
        <TextField
          label={texts.until}
          hint={texts.untilHint}
          type="datetime-local"
          value={said.until}
          onValue={(until) => onSaid({ ...said, until })}
        />
      ) : null}
    </>
  );
}
