export default function Builder(_props: Record<string, unknown>) {
  return null;
}
