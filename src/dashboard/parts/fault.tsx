// In charge of a fault of the page itself: says so, and leaves a way on.
import { Component, type ReactNode } from 'react';

interface Props {
  readonly children: ReactNode;
  readonly shown: ReactNode;
}

export class Fault extends Component<Props, { readonly isFaulty: boolean }> {
  override state = { isFaulty: false };

  static getDerivedStateFromError() {
    return { isFaulty: true };
  }

  override render() {
    return this.state.isFaulty ? this.props.shown : this.props.children;
  }
}
