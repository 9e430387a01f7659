// A screen that comes in a chunk of its own when it is first looked at.
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>, waiting: () => string): ComponentType<P> {
  let found: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [, again] = useState(0);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (found) return;
      let here = true;
      load().then((component) => {
        found = component;
        if (here) again(1);
      }, () => here && setFailed(true));
      return () => {
        here = false;
      };
    }, []);
    if (!found) return <div class="waiting">{failed ? '⚠ ' : ''}{waiting()}</div>;
    const Found = found;
    return <Found {...props} />;
  };
}
