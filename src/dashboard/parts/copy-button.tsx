// Copies a text to the clipboard, and says that it did.
import { useState } from 'react';
import { useTexts } from '../texts/texts.tsx';

export function CopyButton({ text }: { readonly text: string }) {
  const { action } = useTexts();
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      setCopied(false); // the browser refuses, for instance without https: the text is there to be selected
    }
  };
  return (
    <button type="button" onClick={copy}>
      <span aria-live="polite">{isCopied ? action.copied : action.copy}</span>
    </button>
  );
}
