import { Component, type ComponentType, h } from "preact";

/** The component, rendered again only when one of its properties is another value. */
export function memo<P extends object>(inner: (props: P) => any): ComponentType<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const [before, after] = [this.props as Record<string, unknown>, next as Record<string, unknown>];
      return Object.keys({ ...before, ...after }).some((name) => before[name] !== after[name]);
    }
    override render() {
      return h(inner as any, this.props as any);
    }
  } as ComponentType<P>;
}
