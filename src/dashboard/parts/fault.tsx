// In charge of errors that a view throws: says what the error was, and offers a way on.
import { Component, type ReactNode } from 'react';

interface Props {
  readonly children: ReactNode;
  readonly show: (error: unknown) => ReactNode;
}

interface State {
  readonly fault: { readonly error: unknown } | null;
}

export class Fault extends Component<Props, State> {
  override state: State = { fault: null };

  static getDerivedStateFromError(error: unknown): State {
    return { fault: { error } };
  }

  override render() {
    const { fault } = this.state;
    return fault === null ? this.props.children : this.props.show(fault.error);
  }
}
