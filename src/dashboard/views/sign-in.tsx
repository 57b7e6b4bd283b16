// In charge of asking for a key, and of trying it before it is kept.
import { type FormEvent, useState } from 'react';
import { call, Problem } from '../api/call.ts';
import { signIn } from '../session.ts';
import { useTexts } from '../texts/texts.tsx';

export function SignIn() {
  const { name, signIn: texts, state } = useTexts();
  const [key, setKey] = useState('');
  const [wrong, setWrong] = useState<string | null>(null);
  const [isTrying, setTrying] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTrying(true);
    setWrong(null);
    const refusal = await tryKey(key.trim());
    setTrying(false);
    if (refusal === null) signIn(key.trim());
    else setWrong(refusal.code === 'unauthenticated' ? texts.wrong : refusal.code === 'unreachable' ? state.unreachable : refusal.message);
  };

  return (
    <main className="sign-in">
      <form className="card" onSubmit={submit}>
        <img src={new URL('../icon.svg', import.meta.url).href} alt="" width="40" height="40" />
        <h1>{name}</h1>
        <p>{texts.lead}</p>
        <label htmlFor="key">{texts.key}</label>
        <input
          id="key"
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        {wrong === null ? null : (
          <p className="field-problem" role="alert">
            {wrong}
          </p>
        )}
        <button type="submit" className="primary" disabled={isTrying || key.trim() === ''}>
          {texts.submit}
        </button>
        <small>{texts.help}</small>
      </form>
    </main>
  );
}

/** → why the key is refused. A key that may not list segments is a key all the same: views say what it may not see. */
async function tryKey(key: string): Promise<Problem | null> {
  try {
    await call('GET', '/v1/segments', { key, query: { limit: 1 } });
    return null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.code === 'forbidden' ? null : error;
  }
}
