export function Day() {
  return <div />;
}
